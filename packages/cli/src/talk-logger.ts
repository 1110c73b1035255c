import { CommunicationError, LOG_LEVELS, type LogFields, type Logger, type LogLevel } from '@comm/core'
import { printable } from './format/printable.ts'
import type { Terminal } from './terminal.ts'

/** Lets clients talk to the person at the terminal: `tail` lost its connection, a message cannot be decoded. */
export function talkLogger(terminal: Terminal, least: LogLevel): Logger {
  const isEnabled = (level: LogLevel): boolean => LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(least)
  const log =
    (level: LogLevel) =>
    (message: string, fields?: LogFields): void => {
      if (isEnabled(level)) terminal.say(printable(`comm: ${level}: ${message}${reason(fields)}`))
    }
  const logger: Logger = {
    trace: log('trace'),
    debug: log('debug'),
    info: log('info'),
    warn: log('warn'),
    error: log('error'),
    isEnabled,
    child: () => logger,
  }
  return logger
}

function reason(fields: LogFields | undefined): string {
  return fields?.error === undefined ? '' : `: ${CommunicationError.from(fields.error).message}`
}
