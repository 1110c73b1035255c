import { TimeoutError } from '@comm/core'

/**
 * Waits no longer than `ms` for what `work` begins, which may go on if it does not heed the signal that it is given.
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
  const over = Promise.withResolvers<never>()
  const end = (): void => over.reject(until.reason)
  until.addEventListener('abort', end)
  if (until.aborted) end()
  try {
    return await Promise.race([work(until), over.promise])
  } finally {
    clearTimeout(timer)
    until.removeEventListener('abort', end)
  }
}
