import type { Asked } from './asked.ts'
import { NOTHING_ASKED } from './asked.ts'
import type { Stored, StoredHead } from './stored.ts'

/**
 * `fresh`: give it. `stale`: give it, because the request asks for no better. `revalidating`: give it, and ask the server
 * meanwhile. `validate`: the server must confirm it first.
 */
export type Reuse = 'fresh' | 'stale' | 'revalidating' | 'validate'

export function ageMs({ initialAgeMs, storedAt }: StoredHead, now: number): number {
  return initialAgeMs + Math.max(0, now - storedAt)
}

/** How a stored answer may be used for a request (RFC 9111 4.2, RFC 5861 3). @param now epoch milliseconds */
export function reuseOf(stored: StoredHead, asked: Asked, now: number): Reuse {
  const age = ageMs(stored, now)
  const leftMs = stored.lifetimeMs - age
  if (stored.noCache) return 'validate'
  if (asked === NOTHING_ASKED && leftMs > 0) return 'fresh'
  if (asked.noCache || (asked.maxAgeMs !== undefined && age > asked.maxAgeMs)) return 'validate'
  if (asked.minFreshMs !== undefined && leftMs < asked.minFreshMs) return 'validate'
  if (leftMs > 0) return 'fresh'
  if (stored.mustRevalidate) return 'validate'
  if (asked.maxStaleMs !== undefined && -leftMs <= asked.maxStaleMs) return 'stale'
  return -leftMs < stored.staleWhileRevalidateMs ? 'revalidating' : 'validate'
}

/** Whether a stale answer may stand in for a server that fails (RFC 5861 4). */
export function servesOnError(stored: StoredHead, asked: Asked, now: number): boolean {
  if (stored.mustRevalidate || stored.noCache || asked.noCache) return false
  const overdueMs = ageMs(stored, now) - stored.lifetimeMs
  return overdueMs < Math.max(stored.staleIfErrorMs, asked.staleIfErrorMs ?? 0)
}

/** An hour: as long as a stale answer is kept so that the server need not send it again. */
const KEPT_TO_VALIDATE_MS = 3_600_000

/** How long a store should keep an answer; 0: it is of no use. */
export function usefulMs(stored: Stored): number {
  const { headers, lifetimeMs, staleWhileRevalidateMs, staleIfErrorMs, mustRevalidate, noCache, initialAgeMs } = stored
  const canValidate = headers.etag !== undefined || headers['last-modified'] !== undefined
  const freshMs = noCache ? 0 : Math.max(0, lifetimeMs - initialAgeMs)
  const staleMs = mustRevalidate || noCache ? 0 : Math.max(staleWhileRevalidateMs, staleIfErrorMs)
  return freshMs + (canValidate ? Math.max(staleMs, KEPT_TO_VALIDATE_MS) : staleMs)
}
