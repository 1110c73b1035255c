/** How long each part of an exchange with a service may last, in milliseconds; Infinity: no limit. */
export interface TimeoutsConfig {
  /** Until there is a connection: waiting for a free one, name lookup, TCP and TLS together. @default 5000 */
  readonly connectMs?: number
  /** From the end of the request to the head of the answer. @default 30000 */
  readonly responseMs?: number
  /** The longest silence inside a body, of the request or of the answer; from either side. @default 60000 */
  readonly idleMs?: number
  /** The whole, all attempts and both bodies included. @default Infinity */
  readonly totalMs?: number
}

export interface Timeouts extends Required<TimeoutsConfig> {
  /** The shortest of those of an attempt: when it is first looked at. */
  readonly shortestMs: number
}

export const TIMEOUT_DEFAULTS: Readonly<Required<TimeoutsConfig>> = Object.freeze({
  connectMs: 5000,
  responseMs: 30_000,
  idleMs: 60_000,
  totalMs: Number.POSITIVE_INFINITY,
})

/** @param further overrides, the more special later */
export function resolveTimeouts(...further: readonly (TimeoutsConfig | undefined)[]): Timeouts {
  const merged = Object.assign({}, TIMEOUT_DEFAULTS, ...further.map(defined)) as Required<TimeoutsConfig>
  return Object.freeze({ ...merged, shortestMs: Math.min(merged.connectMs, merged.responseMs, merged.idleMs) })
}

function defined(given: TimeoutsConfig | undefined): TimeoutsConfig {
  return Object.fromEntries(Object.entries(given ?? {}).filter(([, value]) => value !== undefined))
}
