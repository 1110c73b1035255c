import type { CommunicationConfig } from '@comm/config'
import { CommunicationError, type Logger, silentLogger } from '@comm/core'
import { loadPackage } from './load-package.ts'

type CreateLogger = (options: Readonly<Record<string, unknown>>) => Logger

/** The logger of `@comm/logging` as configured; silent where that is not installed. */
export async function configuredLogger({ logging, debugMode, serviceName }: CommunicationConfig): Promise<Logger> {
  try {
    const { createLogger } = await loadPackage('@comm/logging', 'logging')
    return (createLogger as CreateLogger)({
      level: debugMode ? 'debug' : logging.level,
      levels: logging.enableSecurityLogging ? logging.levels : { ...logging.levels, security: 'silent' },
      format: logging.format,
      ...(serviceName === undefined ? {} : { service: serviceName }),
    })
  } catch (thrown) {
    if (CommunicationError.from(thrown).code === 'COMM_PACKAGE_MISSING') return silentLogger
    throw thrown
  }
}
