import { CommunicationError, type Logger, silentLogger } from '@comm/core'
import { loadPackage } from './load-package.ts'
import type { ManagerSettings } from './options.ts'

type CreateLogger = (options: Readonly<Record<string, unknown>>) => ConfiguredLogger

/** That of `@comm/logging` can change its levels while it is in use. */
export type ConfiguredLogger = Logger & { setLevel?(level: string, name?: string): void }

/** Settings that `applyLevels` applies. */
export const LIVE_LOGGING: ReadonlySet<string> = new Set([
  'debugMode',
  'logging.level',
  'logging.levels',
  'logging.enableSecurityLogging',
])

/** The logger of `@comm/logging` as configured; silent where that is not installed. */
export async function configuredLogger(config: ManagerSettings): Promise<ConfiguredLogger> {
  const { logging, serviceName } = config
  try {
    const { createLogger } = await loadPackage('@comm/logging', 'logging')
    return (createLogger as CreateLogger)({
      ...levelsOf(config),
      format: logging.format,
      ...(serviceName === undefined ? {} : { service: serviceName }),
    })
  } catch (thrown) {
    if (CommunicationError.from(thrown).code === 'COMM_PACKAGE_MISSING') return silentLogger
    throw thrown
  }
}

/** Gives a logger the levels of another configuration; names that have none any more get that of the whole. */
export function applyLevels(logger: ConfiguredLogger, before: ManagerSettings, after: ManagerSettings): void {
  const { level, levels } = levelsOf(after)
  logger.setLevel?.(level)
  for (const name of new Set([...Object.keys(levelsOf(before).levels), ...Object.keys(levels)])) {
    logger.setLevel?.(levels[name] ?? level, name)
  }
}

function levelsOf({ logging, debugMode }: ManagerSettings): {
  readonly level: string
  readonly levels: Readonly<Record<string, string>>
} {
  const { level, levels, enableSecurityLogging } = logging
  return { level: debugMode ? 'debug' : level, levels: enableSecurityLogging ? levels : { ...levels, security: 'silent' } }
}
