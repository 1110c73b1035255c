import { type CallContext, DEADLINE_HEADER, DEFAULT_CORRELATION_HEADER } from '@comm/core'
import { context, propagation } from '@opentelemetry/api'

const DEADLINE_NAME = DEADLINE_HEADER.toLowerCase()

/**
 * Adds what travels with a call: the correlation id, and, unless each attempt has a span and so a trace context of its own, that of the
 * caller (W3C `traceparent`, once an OpenTelemetry propagator is registered). A header that the caller set by hand stays.
 */
export function addContextHeaders(
  headers: Record<string, string>,
  current: CallContext | undefined,
  correlationHeader: string | undefined,
  tracesAttempts: boolean,
): void {
  if (current !== undefined) {
    headers[(correlationHeader ?? current.correlationHeader ?? DEFAULT_CORRELATION_HEADER).toLowerCase()] ??=
      current.correlationId
  }
  if (!tracesAttempts) propagation.inject(context.active(), headers, { set: setAbsent })
}

/** The headers with the time that is left of the deadline, in whole milliseconds; the same ones when there is no deadline. */
export function withDeadlineHeader(
  headers: Readonly<Record<string, string>>,
  remainingMs: number,
): Readonly<Record<string, string>> {
  if (remainingMs === Number.POSITIVE_INFINITY || headers[DEADLINE_NAME] !== undefined) return headers
  const timed: Record<string, string> = { ...headers }
  timed[DEADLINE_NAME] = String(Math.max(1, Math.floor(remainingMs)))
  return timed
}

/** For a propagator: names in lower case, and a header that the caller set by hand stays. */
export function setAbsent(headers: Record<string, string>, name: string, value: string): void {
  headers[name.toLowerCase()] ??= value
}
