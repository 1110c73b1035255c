import { notify } from '../notify.ts'
import type { BreakerState } from './breaker-options.ts'

/** Which of all policies of this kind it was; `name` is the policy's option, by default its kind. */
interface OfPolicy {
  readonly policy: string
  readonly name: string
}

/** Why a policy did not let a call through. */
export type RejectionReason = 'open' | 'limit' | 'queue-time' | 'displaced' | 'rate'

/** Something that a policy did, other than letting a call through. */
export type PolicyEvent = OfPolicy &
  (
    | { readonly event: 'retry'; readonly retry: number; readonly afterMs: number; readonly error: unknown }
    /** A failure that was worth a retry is the outcome now. */
    | { readonly event: 'give-up'; readonly reason: 'max-retries' | 'hint' | 'deadline' | 'budget'; readonly error: unknown }
    | { readonly event: 'state-change'; readonly from: BreakerState; readonly to: BreakerState }
    | { readonly event: 'rejection'; readonly reason: RejectionReason }
    /** A call got its place after waiting for it. */
    | { readonly event: 'admission'; readonly waitedMs: number }
    | { readonly event: 'timeout'; readonly ms: number }
    | { readonly event: 'fallback'; readonly error: unknown }
    | { readonly event: 'hedge'; readonly hedge: number; readonly afterMs: number }
    | { readonly event: 'hedge-win'; readonly hedge: number }
    | { readonly event: 'hedge-refusal'; readonly reason: 'unsafe' | 'budget' }
    | { readonly event: 'limit-change'; readonly from: number; readonly to: number }
    | { readonly event: 'injection'; readonly what: 'latency' | 'fault' | 'outcome' }
  )

export type PolicyListener = (event: PolicyEvent) => void

interface Hub {
  /** Replaced, never changed, so that a listener may come or go while others are told. */
  listeners: readonly PolicyListener[]
  /** Is asked at the beginning of each run of a pipeline; for `@comm/core/telemetry`. */
  onRun: (() => unknown) | undefined
}

/** One for the process, also when this package is installed twice. */
const HUB: unique symbol = Symbol.for('@comm/core/policy-events@1')
const shared = globalThis as typeof globalThis & { [HUB]?: Hub }
const hub: Hub = shared[HUB] ?? { listeners: [], onRun: undefined }
shared[HUB] = hub

/**
 * Tells a listener of everything that the policies of this process do, each after it has happened. While nobody listens an event costs
 * nothing: it is not even made. What a listener throws becomes a process warning.
 *
 * @returns ends it
 */
export function observePolicies(listener: PolicyListener): () => void {
  hub.listeners = [...hub.listeners, listener]
  return () => {
    hub.listeners = hub.listeners.filter((other) => other !== listener)
  }
}

/** Asked before an event is made. */
export function isObserved(): boolean {
  return hub.listeners.length > 0
}

export function tell(event: PolicyEvent): void {
  for (const listener of hub.listeners) notify('a policy listener', listener, event)
}

export function onEachRun(fn: (() => unknown) | undefined): void {
  hub.onRun = fn
}

export function noteRun(): void {
  if (hub.onRun !== undefined) hub.onRun()
}
