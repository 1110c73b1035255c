export {
  type AuthenticationEvent,
  type AuthorizationEvent,
  type SecurityActor,
  type SecurityLogger,
  type SuspiciousEvent,
  securityLogger,
} from '@comm/core'
export { createLogger } from './create-logger.ts'
export type { LogReceiver } from './destinations/destination.ts'
export type { LogDestination, LogFile } from './destinations/destination-of.ts'
export { LOG_EVENTS, type LogEventType, logEvent } from './events.ts'
export { BURST_DEFAULTS, type BurstLimit } from './gate/burst.ts'
export type { GateCounts } from './gate/gate.ts'
export type { Sampling } from './gate/sampling.ts'
export type { LevelSetting } from './levels.ts'
export type { LogEntry } from './log-entry.ts'
export { LOGGING_DEFAULTS, type LogFormat, type LoggingOptions } from './options.ts'
export type { AuditEvent, AuditHead, AuditKey, AuditRecord } from './security/audit-record.ts'
export { AUDIT_TRAIL_DEFAULTS, type AuditTrail, type AuditTrailOptions, auditTrail } from './security/audit-trail.ts'
export { type AuditVerification, type VerifyOptions, verifyAuditTrail } from './security/verify-audit-trail.ts'
export { withAudit } from './security/with-audit.ts'
export type { LoggerStats, RootLogger, StructuredLogger } from './structured-logger.ts'
