import { parseCacheControl, secondsOf } from './cache-control.ts'
import type { CacheableRequest } from './cacheable-request.ts'

/** What the headers of a request ask of a cache. */
export interface Asked {
  /** Nothing of it is stored, nothing stored is used. */
  readonly noStore: boolean
  readonly noCache: boolean
  readonly onlyIfCached: boolean
  readonly maxAgeMs: number | undefined
  readonly minFreshMs: number | undefined
  /** Infinity: any staleness. */
  readonly maxStaleMs: number | undefined
  readonly staleIfErrorMs: number | undefined
  /** It has conditions of its own: If-None-Match or If-Modified-Since. */
  readonly isConditional: boolean
  readonly range: string | undefined
  /** It has conditions that only the server can judge: If-Match, If-Unmodified-Since, If-Range. */
  readonly isForServer: boolean
}

/** A request that asks nothing: what nearly all of them do. */
export const NOTHING_ASKED: Asked = Object.freeze({
  noStore: false,
  noCache: false,
  onlyIfCached: false,
  maxAgeMs: undefined,
  minFreshMs: undefined,
  maxStaleMs: undefined,
  staleIfErrorMs: undefined,
  isConditional: false,
  range: undefined,
  isForServer: false,
})

export function readAsked({ headers }: Pick<CacheableRequest, 'headers'>): Asked {
  const field = headers['cache-control']
  const pragma = headers['pragma']
  const range = headers['range']
  const isConditional = headers['if-none-match'] !== undefined || headers['if-modified-since'] !== undefined
  const isForServer =
    headers['if-match'] !== undefined || headers['if-unmodified-since'] !== undefined || headers['if-range'] !== undefined
  if (field === undefined && pragma === undefined && range === undefined && !isConditional && !isForServer) return NOTHING_ASKED
  const directives = parseCacheControl(field)
  const maxStale = directives.get('max-stale')
  const maxAgeMs = milliseconds(directives.get('max-age'))
  return {
    noStore: directives.has('no-store'),
    // RFC 9111 5.4: Pragma counts only where there is no Cache-Control. An age of nothing is what no-cache asks for.
    noCache: directives.has('no-cache') || maxAgeMs === 0 || (field === undefined && /\bno-cache\b/i.test(pragma ?? '')),
    onlyIfCached: directives.has('only-if-cached'),
    maxAgeMs,
    minFreshMs: milliseconds(directives.get('min-fresh')),
    maxStaleMs: maxStale === true ? Number.POSITIVE_INFINITY : milliseconds(maxStale),
    staleIfErrorMs: milliseconds(directives.get('stale-if-error')),
    isConditional,
    range,
    isForServer,
  }
}

function milliseconds(value: string | true | undefined): number | undefined {
  const seconds = secondsOf(value)
  return seconds === undefined ? undefined : seconds * 1000
}
