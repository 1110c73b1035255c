export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** What a log line says beside its message. An `error` field keeps its cause chain. */
export type LogFields = Readonly<Record<string, unknown>>

/**
 * What our packages log through. Silent unless the application passes one; `@comm/logging` makes them.
 * A call never throws and never waits.
 */
export interface Logger {
  trace(message: string, fields?: LogFields): void
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  /** False where building the fields would be wasted. */
  isEnabled(level: LogLevel): boolean
  /** A logger whose lines carry these fields too. `logger` in the fields names it. */
  child(fields: LogFields): Logger
}

function ignore(): void {}

export const silentLogger: Logger = {
  trace: ignore,
  debug: ignore,
  info: ignore,
  warn: ignore,
  error: ignore,
  isEnabled: () => false,
  child: () => silentLogger,
}
