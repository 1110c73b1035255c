import { getEventListeners } from 'node:events'
import type { Call, Stage } from '@comm/core'
import { TestClock } from '@comm/testkit'
import { expect } from '@jest/globals'

/** Property tests repeat themselves: the same cases in every run. */
export const SEEDED = { seed: 20261125 } as const

export interface Deferred<Value> {
  readonly promise: Promise<Value>
  readonly resolve: (value: Value) => void
  readonly reject: (reason: unknown) => void
}

export function deferred<Value = unknown>(): Deferred<Value> {
  return Promise.withResolvers<Value>()
}

/** Resolves after `ms` of the clock, whatever the signal says. */
export function after(clock: TestClock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.setTimer(ms, resolve)
  })
}

/** Heeds its signal: rejects with its reason, and leaves no timer and no listener. */
export function afterOrAbort(clock: TestClock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(ms, () => {
      signal.removeEventListener('abort', abort)
      resolve()
    })
    function abort(): void {
      timer.cancel()
      reject(signal.reason)
    }
    signal.addEventListener('abort', abort, { once: true })
  })
}

export type Outcome = { readonly value: unknown } | { readonly error: unknown } | 'pending'

/** What became of a promise so far. */
export function watch(promise: Promise<unknown>): { readonly outcome: Outcome } {
  const watched: { outcome: Outcome } = { outcome: 'pending' }
  promise.then(
    (value) => {
      watched.outcome = { value }
    },
    (error: unknown) => {
      watched.outcome = { error }
    },
  )
  return watched
}

/** A stage that writes down when it is entered and left, and with what. */
export function recorder(name: string, events: string[], steps: Pick<Stage, 'enter' | 'leave' | 'undo'> = {}): Stage {
  return {
    name,
    enter(call: Call, at: number) {
      events.push(`${name} in ${call.attempt}`)
      return steps.enter?.(call, at)
    },
    leave(call: Call, at: number) {
      events.push(`${name} out ${call.failed ? String((call.error as Error).message ?? call.error) : String(call.value)}`)
      return steps.leave?.(call, at)
    },
    ...(steps.undo === undefined ? {} : { undo: steps.undo }),
  }
}

export function abortListeners(signal: AbortSignal): number {
  return getEventListeners(signal, 'abort').length
}

/** After a turn of the event loop there is no timer on the clock and no listener on the signal. */
export async function expectNothingLeft(clock: TestClock, ...signals: readonly AbortSignal[]): Promise<void> {
  await clock.advance(0)
  expect(clock.pendingTimers).toBe(0)
  for (const signal of signals) expect(abortListeners(signal)).toBe(0)
}

/** What behaves like a promise and is none. */
export function thenable(then: (resolve: (value: unknown) => void) => void): object {
  return Object.fromEntries([['then', then]])
}

export { TestClock }
