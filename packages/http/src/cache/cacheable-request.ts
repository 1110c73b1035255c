import type { HttpResponse, HttpStreamResponse } from '../response.ts'
import type { RequestCacheOptions } from './options.ts'

/** What the cache knows of a request. */
export interface CacheableRequest {
  readonly method: string
  readonly url: URL
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  /** Lower-case names of headers that say who asks, beside Authorization. */
  readonly credentials?: readonly string[]
  readonly collect: 'bytes' | 'stream'
  readonly maxResponseBytes?: number
  /** A GET that has one is not for a cache. */
  readonly body?: unknown
  readonly cache?: false | RequestCacheOptions | undefined
}

/**
 * Sends a request to the server. Every status is an answer; it rejects when there is none.
 * @param signal ends it
 */
export type Forward<Request extends CacheableRequest> = (
  request: Request,
  signal: AbortSignal | undefined,
) => Promise<HttpResponse | HttpStreamResponse>
