export { type Clock, LONGEST_TIMEOUT_MS, sleep, systemClock, type Timer } from './clock.ts'
export {
  type CallContext,
  currentContext,
  DEADLINE_HEADER,
  DEFAULT_CORRELATION_HEADER,
  isCorrelationId,
  newCorrelationId,
  runInContext,
  withContext,
  withDeadline,
} from './context.ts'
export {
  AuthenticationError,
  AuthorizationError,
  BulkheadFullError,
  CircuitBreakerOpenError,
  CommunicationError,
  ConfigurationError,
  ConnectionError,
  ConsumeError,
  type ErrorDetails,
  type ErrorOptions,
  HttpStatusError,
  type Problem,
  PublishError,
  RateLimitedError,
  ServiceUnavailableError,
  TimeoutError,
  ValidationError,
} from './errors/errors.ts'
export { ERROR_CODES, type ErrorCode, type ErrorCodeInfo } from './errors/table.ts'
export { type Health, type HealthStatus, UP } from './health.ts'
export {
  type Component,
  type HealthReport,
  LIFECYCLE_DEFAULTS,
  Lifecycle,
  type LifecycleOptions,
  type StopPhase,
  type StopProblem,
  type StopReport,
} from './lifecycle.ts'
export { LOG_LEVELS, type LogFields, type Logger, type LogLevel, silentLogger } from './logger.ts'
export { type ShutdownSignalOptions, stopOnSignals } from './shutdown-signals.ts'
export type { DedupClaim, DedupStore } from './stores/dedup.ts'
export type { RateLimitAnswer, RateLimitStore, TokenBucket } from './stores/rate-limit.ts'
