import type { Clock, Timer } from './clock.ts'
import { TimeoutError } from './errors/errors.ts'

/** Waits. @returns false when one of the signals ended the wait early; never rejects, leaves no timer and no listener */
export function pause(clock: Clock, ms: number, ...signals: readonly AbortSignal[]): Promise<boolean> {
  return new Promise((resolve) => {
    if (signals.some((signal) => signal.aborted)) return resolve(false)
    const finish = (passed: boolean): void => {
      timer.cancel()
      for (const signal of signals) signal.removeEventListener('abort', interrupt)
      resolve(passed)
    }
    const interrupt = (): void => finish(false)
    const timer = clock.setTimer(ms, () => finish(true))
    for (const signal of signals) signal.addEventListener('abort', interrupt)
  })
}

/** Waits for the promise, but not longer than until the signal aborts. Leaves no listener behind. @throws the signal's reason */
export async function unlessAborted<Result>(promise: Promise<Result>, signal: AbortSignal | undefined): Promise<Result> {
  if (signal === undefined) return promise
  if (signal.aborted) {
    promise.catch(() => undefined)
    throw signal.reason
  }
  const aborted = Promise.withResolvers<never>()
  const abort = (): void => aborted.reject(signal.reason)
  signal.addEventListener('abort', abort)
  try {
    return await Promise.race([promise, aborted.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

/**
 * Runs `fn` with a signal that aborts after `ms` (with a TimeoutError), or when the given one does.
 * @param late completes `… within 2000 ms`
 */
export async function withTimeLimit<Result>(
  clock: Clock,
  ms: number,
  signal: AbortSignal | undefined,
  fn: (signal: AbortSignal) => Promise<Result>,
  late = 'not finished',
): Promise<Result> {
  const limit = new AbortController()
  const timer = clock.setTimer(ms, () => limit.abort(new TimeoutError(`${late} within ${Math.round(ms)} ms`)))
  const abort = (): void => limit.abort(signal?.reason)
  if (signal?.aborted) abort()
  signal?.addEventListener('abort', abort)
  try {
    return await fn(limit.signal)
  } finally {
    timer.cancel()
    signal?.removeEventListener('abort', abort)
  }
}

/**
 * Waits for the promise, but not longer than so many milliseconds: a server that is stopped answers nothing.
 * @returns undefined when it took too long
 */
export async function withinLimit<Result>(clock: Clock, limitMs: number, promise: Promise<Result>): Promise<Result | undefined> {
  let timer: Timer | undefined
  const limit = new Promise<undefined>((resolve) => {
    timer = clock.setTimer(limitMs, () => resolve(undefined))
  })
  try {
    return await Promise.race([promise, limit])
  } finally {
    timer?.cancel()
  }
}
