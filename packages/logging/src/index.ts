export { createLogger } from './create-logger.ts'
export type { LogReceiver } from './destination.ts'
export type { LevelSetting } from './levels.ts'
export type { LogEntry } from './log-entry.ts'
export { LOGGING_DEFAULTS, type LogFormat, type LoggingOptions } from './options.ts'
export {
  type AuthenticationEvent,
  type AuthorizationEvent,
  type SecurityActor,
  type SecurityLogger,
  type SuspiciousEvent,
  securityLogger,
} from './security-logger.ts'
export type { RootLogger, StructuredLogger } from './structured-logger.ts'
