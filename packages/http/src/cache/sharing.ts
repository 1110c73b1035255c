import { CommunicationError, currentContext, runInContext } from '@comm/core'
import { NOTHING_ASKED } from './asked.ts'
import type { CacheableRequest } from './cacheable-request.ts'
import type { Fetched } from './fetcher.ts'
import { reuseOf, servesOnError } from './reuse.ts'
import { variantOf } from './selecting.ts'
import type { Stored } from './stored.ts'

/** Whether the stored answer is for requests with such headers. */
export function isSelectedBy({ headers }: Pick<CacheableRequest, 'headers'>, stored: Stored | undefined): stored is Stored {
  return stored !== undefined && variantOf(stored.vary, headers) === stored.variant
}

/** Whether what one request has just brought is an answer to another one, which asks nothing in particular. */
export function isShareable({ stored, how }: Fetched & { readonly stored: Stored }, now: number): boolean {
  return how === 'stale' ? servesOnError(stored, NOTHING_ASKED, now) : reuseOf(stored, NOTHING_ASKED, now) !== 'validate'
}

/** Whether a fetch ended because its own caller had no more time: another's may not be over. */
export function isOwnTime(thrown: unknown): boolean {
  if (!(thrown instanceof CommunicationError)) return false
  const { code, details } = thrown
  return code === 'COMM_DEADLINE_EXCEEDED' || (code === 'COMM_TIMEOUT' && details['limit'] === 'total')
}

/** Whether a fetch ended because its own caller takes less than this request. */
export function isOwnSize(thrown: unknown, { maxResponseBytes = Number.POSITIVE_INFINITY }: CacheableRequest): boolean {
  if (!(thrown instanceof CommunicationError) || thrown.code !== 'COMM_TOO_LARGE') return false
  return Number(thrown.details['maxBytes']) < maxResponseBytes
}

/** Runs what must not end when its caller goes away. Correlation id and deadline stay. */
export function withoutCaller<Result>(run: () => Result): Result {
  const context = currentContext()
  if (context?.signal === undefined) return run()
  const { signal: _signal, ...rest } = context
  return runInContext(rest, run)
}

const CONDITIONS: ReadonlySet<string> = new Set(['if-none-match', 'if-modified-since', 'range', 'cache-control', 'pragma'])

/** The headers of a request for the whole, whatever this caller has already. */
export function withoutConditions(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !CONDITIONS.has(name)))
}
