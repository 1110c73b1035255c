import { createRequire } from 'node:module'
import type { Logger, LoggerProvider, SeverityNumber } from '@opentelemetry/api'
import type { LogEntry } from './log-entry.ts'

type OpenTelemetry = typeof import('@opentelemetry/api')

/** https://opentelemetry.io/docs/specs/otel/logs/data-model/#field-severitynumber */
const SEVERITIES: Readonly<Record<LogEntry['level'], SeverityNumber>> = { trace: 1, debug: 5, info: 9, warn: 13, error: 17 }
/** In the record itself, or in its context, already. */
const NO_ATTRIBUTES: ReadonlySet<string> = new Set(['timestamp', 'level', 'message', 'logger', 'event', 'trace_id', 'span_id'])

/**
 * Gives each entry to the logger provider of OpenTelemetry too, in the context of its line, so that it bears the ids of the span. The
 * name of the logger is the scope, `event` the event name, the rest are attributes. Does nothing while no provider is registered.
 */
export function openTelemetryBridge(scope: string): (entry: LogEntry) => void {
  const api = createRequire(import.meta.url)('@opentelemetry/api') as OpenTelemetry
  const loggers = new Map<string, Logger>()
  let madeBy: LoggerProvider | undefined
  return (entry) => {
    const provider = api.logs.getLoggerProvider()
    if (provider !== madeBy) {
      madeBy = provider
      loggers.clear()
    }
    const name = entry.logger ?? scope
    let logger = loggers.get(name)
    if (logger === undefined) {
      logger = provider.getLogger(name)
      loggers.set(name, logger)
    }
    const severityNumber = SEVERITIES[entry.level]
    if (!logger.enabled({ severityNumber })) return
    logger.emit({
      timestamp: new Date(entry.timestamp),
      severityNumber,
      severityText: entry.level.toUpperCase(),
      body: entry.message,
      ...(typeof entry.event === 'string' ? { eventName: entry.event } : {}),
      attributes: attributesOf(entry),
      context: api.context.active(),
    })
  }
}

type Attributes = NonNullable<Parameters<Logger['emit']>[0]['attributes']>

function attributesOf(entry: LogEntry): Attributes {
  return Object.fromEntries(Object.entries(entry).filter(([key]) => !NO_ATTRIBUTES.has(key))) as Attributes
}
