export type { EndpointSource, Instance } from './balancing/instance.ts'
export { cachedTokenSource, type FetchToken, TOKEN_CACHE_DEFAULTS, type TokenCacheOptions } from './cached-token-source.ts'
export { checkAccessToken } from './check-access-token.ts'
export { type Clock, LONGEST_TIMEOUT_MS, sleep, systemClock, type Timer } from './clock.ts'
export type {
  AnnouncedInstance,
  HttpAnswer,
  HttpCaller,
  HttpCallOptions,
  ManagerComponents,
  MeshCaller,
  MessageHandlerMeta,
  Messenger,
  ServiceCaller,
  ServiceDirectory,
} from './components.ts'
export {
  type CallContext,
  ContextScope,
  currentContext,
  currentPrincipal,
  DEADLINE_HEADER,
  DEFAULT_CORRELATION_HEADER,
  isCorrelationId,
  newCorrelationId,
  runInContext,
  withContext,
  withDeadline,
} from './context.ts'
export {
  describeEndpoint,
  type Endpoint,
  hostAndPort,
  hostName,
  parseEndpoint,
  partsOfUrl,
  serverUrl,
  type UrlParts,
} from './endpoint.ts'
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
  GrpcStatusError,
  HttpStatusError,
  type Problem,
  PublishError,
  RateLimitedError,
  RequestRefusedError,
  ServiceUnavailableError,
  TimeoutError,
  ValidationError,
} from './errors/errors.ts'
export { isOfOwnCall } from './errors/own-call.ts'
export { ERROR_CODES, type ErrorCode, type ErrorCodeInfo } from './errors/table.ts'
export { downBecause, type Health, type HealthStatus, UP } from './health.ts'
export {
  type Component,
  type HealthReport,
  LIFECYCLE_DEFAULTS,
  Lifecycle,
  type LifecycleOptions,
  type LifecycleState,
  type StopPhase,
  type StopProblem,
  type StopReport,
} from './lifecycle.ts'
export { LOG_LEVELS, type LogFields, type Logger, type LogLevel, silentLogger } from './logger.ts'
export type { Admission, IncomingMessage, MessageGuard, OutgoingMessage } from './message-guard.ts'
export { notify } from './notify.ts'
export { type Policies, type PoliciesChange, type PoliciesOptions, policies } from './policies/policies.ts'
export {
  type BackoffConfig,
  POLICY_ORDER,
  type PoliciesConfig,
  type PolicyConfig,
  type PolicyKind,
  type PolicySet,
} from './policies/policy-config.ts'
export { followPolicies, type PolicySource } from './policies/policy-source.ts'
export type { Principal } from './principal.ts'
export { isSecretKey, REDACTED, redactCredentials } from './redact.ts'
export {
  BACKOFF_DEFAULTS,
  type Backoff,
  type BackoffOptions,
  type BackoffState,
  constantBackoff,
  customBackoff,
  decorrelatedJitterBackoff,
  exponentialBackoff,
  fibonacciBackoff,
  linearBackoff,
} from './resilience/backoff.ts'
export { type Breaker, breaker } from './resilience/breaker.ts'
export {
  BREAKER_DEFAULTS,
  type BreakerOptions,
  type BreakerState,
  type BreakerStateChange,
  type BreakerWindowSize,
} from './resilience/breaker-options.ts'
export { BULKHEAD_DEFAULTS, type Bulkhead, type BulkheadOptions, bulkhead } from './resilience/bulkhead.ts'
export { CHAOS_DEFAULTS, type ChaosOptions, chaos } from './resilience/chaos.ts'
export { type ConcurrencyLimit, concurrencyLimit } from './resilience/concurrency-limit.ts'
export {
  CONCURRENCY_LIMIT_DEFAULTS,
  type ConcurrencyLimitOptions,
  classifyLoad,
  type LimitChange,
  type LoadVerdict,
} from './resilience/concurrency-limit-options.ts'
export { FALLBACK_DEFAULTS, type FallbackOptions, fallback } from './resilience/fallback.ts'
export { hedge } from './resilience/hedge.ts'
export { HEDGE_DEFAULTS, type HedgeEvent, type HedgeOptions } from './resilience/hedge-options.ts'
export { KEYED_DEFAULTS, type Keyed, type KeyedOptions, keyed } from './resilience/keyed.ts'
export { type PipelineOptions, pipeline } from './resilience/pipeline.ts'
export { observePolicies, type PolicyEvent, type PolicyListener, type RejectionReason } from './resilience/policy-events.ts'
export type { QueueOptions } from './resilience/queue-options.ts'
export { RATE_LIMIT_DEFAULTS, type RateLimitOptions, rateLimit } from './resilience/rate-limit.ts'
export { policyReadings, type Reading, type ReadingKind } from './resilience/readings.ts'
export { RETRY_DEFAULTS, type RetryEvent, type RetryOptions, retry } from './resilience/retry.ts'
export { RETRY_BUDGET_DEFAULTS, type RetryBudget, type RetryBudgetOptions, retryBudget } from './resilience/retry-budget.ts'
export { setSharedTimer } from './resilience/shared-timers.ts'
export {
  ANSWERED,
  type Call,
  type Callee,
  type Cancellation,
  type CancellationListener,
  type InsideOptions,
  type Pipeline,
  type Rerun,
  type RunInside,
  type Stage,
  type Verdict,
} from './resilience/stage.ts'
export { enterTimeLimit, leaveTimeLimit } from './resilience/time-limit.ts'
export { TIMEOUT_DEFAULTS, type TimeoutOptions, timeout } from './resilience/timeout.ts'
export { type Classify, classifyOutcome, retryAfterOf } from './resilience/verdict.ts'
export {
  type AuthenticationEvent,
  type AuthorizationEvent,
  type SecurityActor,
  type SecurityLogger,
  type SuspiciousEvent,
  securityLogger,
} from './security-logger.ts'
export { seededRandom } from './seeded-random.ts'
export { SHUTDOWN_SIGNAL_DEFAULTS, type ShutdownSignalOptions, stopOnSignals } from './shutdown-signals.ts'
export type { CacheEntry, CacheSetOptions, CacheStore } from './stores/cache.ts'
export type { DedupClaim, DedupStore } from './stores/dedup.ts'
export { type HeldClaim, holdClaim } from './stores/hold-claim.ts'
export { MEMORY_CACHE_DEFAULTS, type MemoryCacheOptions, MemoryCacheStore } from './stores/memory-cache.ts'
export { MEMORY_DEDUP_DEFAULTS, type MemoryDedupOptions, MemoryDedupStore } from './stores/memory-dedup.ts'
export { MEMORY_RATE_LIMIT_DEFAULTS, type MemoryRateLimitOptions, MemoryRateLimitStore } from './stores/memory-rate-limit.ts'
export type { RateLimitAnswer, RateLimitStore, TokenBucket } from './stores/rate-limit.ts'
export type { TlsMaterial, TlsOptions } from './tls.ts'
export { TLS_RELOADER_DEFAULTS, type TlsListener, TlsReloader, type TlsReloaderOptions } from './tls-reloader.ts'
export type { AccessToken, TokenSource } from './token-source.ts'
export { matchesPattern, matchesTopic, patternsOverlap, topicWords } from './topic-pattern.ts'
export { pause, unlessAborted, withinLimit, withTimeLimit } from './wait.ts'
