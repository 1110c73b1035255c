import { systemClock, unlessAborted, withTimeLimit } from '@comm/core'

/**
 * Waits for what `work` begins, for no longer than `ms`; it may go on then, if it does not heed the signal itself.
 * @param late completes `… within 10000 ms`
 * @throws TimeoutError; the signal's reason; what `work` throws
 */
export function within<Result>(
  ms: number,
  signal: AbortSignal,
  late: string,
  work: (until: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const begin = async (until: AbortSignal): Promise<Result> => {
    until.throwIfAborted()
    return unlessAborted(work(until), until)
  }
  return withTimeLimit(systemClock, ms, signal, begin, late)
}
