import { DEFAULT_CORRELATION_HEADER, LOG_LEVELS, type LogLevel } from '@comm/core'
import type { ChoiceKind, Schema } from '../schema/setting.ts'

export interface LoggingConfig {
  /** @default 'info' */
  readonly level: LogLevel
  /** Levels of single loggers by their names. @default {} */
  readonly levels: Readonly<Record<string, LogLevel>>
  /** @default 'json' */
  readonly format: 'json' | 'pretty'
  /** The header that carries the correlation id, over every protocol. @default 'X-Correlation-ID' */
  readonly correlationHeader: string
  /** Log authentication, authorization and suspicious activity. @default true */
  readonly enableSecurityLogging: boolean
}

const LEVEL: ChoiceKind<LogLevel> = {
  kind: 'choice',
  of: LOG_LEVELS,
  synonyms: { warning: 'warn', critical: 'error', fatal: 'error' },
}

export const LOGGING: Schema<LoggingConfig> = {
  level: { ...LEVEL, env: 'LOG_LEVEL', default: 'info', doc: 'Less important lines are dropped.' },
  levels: { kind: 'map', each: LEVEL, env: 'LOG_LEVELS', default: {}, doc: 'Levels of single loggers by their names.' },
  format: {
    kind: 'choice',
    of: ['json', 'pretty'],
    env: 'LOG_FORMAT',
    default: 'json',
    doc: 'JSON for machines, pretty for people.',
  },
  correlationHeader: {
    kind: 'text',
    pattern: { regexp: /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, expected: 'the name of a header (RFC 9110, section 5.1)' },
    env: 'CORRELATION_HEADER',
    default: DEFAULT_CORRELATION_HEADER,
    doc: 'The header that carries the correlation id, over every protocol.',
  },
  enableSecurityLogging: {
    kind: 'flag',
    env: 'LOG_ENABLE_SECURITY_LOGGING',
    default: true,
    doc: 'Log authentication, authorization and suspicious activity.',
  },
}
