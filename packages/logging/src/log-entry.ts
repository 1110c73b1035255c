import { currentContext, type LogLevel } from '@comm/core'
import type { TraceIds } from './trace-ids.ts'

/** One log line as data: plain, redacted, safe for JSON. The fields of the caller stand beside these. */
export interface LogEntry {
  /** ISO 8601, UTC. */
  readonly timestamp: string
  readonly level: LogLevel
  readonly message: string
  /** The name of the logger. */
  readonly logger?: string
  readonly service?: string
  /** Of the call context, unless a field of the line says otherwise. */
  readonly correlationId?: string
  /** Of the active span, when there is one; named as OpenTelemetry says for logs in other formats than its own. */
  readonly trace_id?: string
  readonly span_id?: string
  readonly [field: string]: unknown
}

export interface Origin {
  readonly service: string | undefined
  readonly logger: string | undefined
}

/** What the line itself says; a caller's field of this name goes to `fields`, so that neither is lost. */
const RESERVED: ReadonlySet<string> = new Set(['timestamp', 'level', 'message', 'logger', 'service', 'trace_id', 'span_id'])

/** @param fields plain and redacted already, the later ones win */
export function makeEntry(
  wallMs: number,
  level: LogLevel,
  message: string,
  { service, logger }: Origin,
  trace: TraceIds | undefined,
  ...fields: readonly Readonly<Record<string, unknown>>[]
): LogEntry {
  const correlationId = currentContext()?.correlationId
  const entry: Record<string, unknown> = { timestamp: isoTime(wallMs), level, message }
  if (logger !== undefined) entry.logger = logger
  if (service !== undefined) entry.service = service
  if (correlationId !== undefined) entry.correlationId = correlationId
  if (trace !== undefined) {
    entry.trace_id = trace.traceId
    entry.span_id = trace.spanId
  }
  let displaced: Record<string, unknown> | undefined
  for (const some of fields) {
    for (const key in some) {
      if (RESERVED.has(key)) {
        displaced ??= {}
        displaced[key] = some[key]
      } else {
        entry[key] = some[key]
      }
    }
  }
  if (displaced !== undefined) entry.fields = { ...asObject(entry.fields), ...displaced }
  return entry as LogEntry
}

function asObject(value: unknown): object {
  return typeof value === 'object' && value !== null ? value : value === undefined ? {} : { fields: value }
}

let second = Number.NaN
let upToSecond = ''

/** As `Date.prototype.toISOString` does, which would take as long as the rest of the entry: only the milliseconds are made anew. */
function isoTime(wallMs: number): string {
  const whole = Math.floor(wallMs)
  const ms = ((whole % 1000) + 1000) % 1000
  if (whole - ms !== second) {
    second = whole - ms
    upToSecond = new Date(second).toISOString().slice(0, -4)
  }
  return `${upToSecond}${ms < 10 ? '00' : ms < 100 ? '0' : ''}${ms}Z`
}
