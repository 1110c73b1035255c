import { TimeoutError } from '@comm/core'

/**
 * Waits for what `work` begins until the signal aborts; it may go on then, if it does not heed the signal itself.
 * @throws the signal's reason; what `work` throws
 */
export async function unlessAborted<Result>(signal: AbortSignal, work: () => Promise<Result>): Promise<Result> {
  signal.throwIfAborted()
  const aborted = Promise.withResolvers<never>()
  const abort = (): void => aborted.reject(signal.reason)
  signal.addEventListener('abort', abort)
  try {
    return await Promise.race([work(), aborted.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

/**
 * The same for no longer than `ms`.
 * @param late completes `… within 10000 ms`
 * @throws TimeoutError; the signal's reason; what `work` throws
 */
export async function within<Result>(
  ms: number,
  signal: AbortSignal,
  late: string,
  work: (until: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const limit = new AbortController()
  const timer = setTimeout(() => limit.abort(new TimeoutError(`${late} within ${ms} ms`)), ms)
  const until = AbortSignal.any([signal, limit.signal])
  try {
    return await unlessAborted(until, () => work(until))
  } finally {
    clearTimeout(timer)
  }
}
