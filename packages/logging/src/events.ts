import type { LogFields, Logger, LogLevel } from '@comm/core'

/**
 * The events that services have in common: the `event` of a line is stable, while its message is for people. `event` becomes the event name
 * of an OpenTelemetry log record.
 */
export const LOG_EVENTS = {
  'service.started': 'info',
  'service.stopped': 'info',
  'http.request.received': 'debug',
  'http.request.completed': 'info',
  'http.request.failed': 'error',
  'http.call.completed': 'debug',
  'http.call.failed': 'warn',
  'message.published': 'debug',
  'message.publish.failed': 'error',
  'message.handled': 'debug',
  'message.retried': 'warn',
  'message.dead': 'error',
  'grpc.call.completed': 'debug',
  'grpc.call.failed': 'warn',
  'connection.opened': 'info',
  'connection.lost': 'warn',
  'breaker.opened': 'warn',
  'breaker.closed': 'info',
  'health.changed': 'warn',
  'configuration.changed': 'info',
} as const
LOG_EVENTS satisfies Readonly<Record<string, LogLevel>>

export type LogEventType = keyof typeof LOG_EVENTS

/** Writes a line about an event that services have in common, at the level that it has in `LOG_EVENTS`. */
export function logEvent(logger: Logger, event: LogEventType, message: string, fields?: LogFields): void {
  const level = LOG_EVENTS[event]
  if (logger.isEnabled(level)) logger[level](message, { event, ...fields })
}
