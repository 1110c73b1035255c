import { type LoggingOptions, resolveOptions } from './options.ts'
import { type RootLogger, rootLogger } from './structured-logger.ts'

/**
 * Makes a logger. Nothing is loaded or opened until the first line is written.
 * @throws ConfigurationError naming every wrong option, or a wrong LOG_LEVEL or LOG_FORMAT
 */
export function createLogger(options: LoggingOptions = {}): RootLogger {
  return rootLogger(resolveOptions(options))
}
