import type { GrpcClient } from './client/client.ts'

declare module '@comm/core' {
  interface ManagerComponents {
    readonly grpc: GrpcClient
  }
}

export { KEEPALIVE_DEFAULTS, type KeepaliveOptions } from './channel-options.ts'
export type { GrpcCallOptions, GrpcServiceClient } from './client/call-options.ts'
export { attemptTimeout, totalTimeout } from './client/call-timeout.ts'
export type { Compression } from './client/channels.ts'
export { GrpcClient } from './client/client.ts'
export {
  GRPC_CLIENT_DEFAULTS,
  GRPC_TIMEOUT_DEFAULTS,
  type GrpcBalancerOptions,
  type GrpcClientOptions,
  type GrpcRetryOptions,
  type GrpcTimeouts,
} from './client/options.ts'
export { pickPlace } from './client/policies.ts'
export {
  breakerVerdict,
  elsewhereVerdict,
  hintElsewhere,
  isSafeElsewhere,
  isSafeToRetry,
  RETRY_STATUSES,
  retryVerdictFor,
} from './client/verdicts.ts'
export type { FieldIssue, StatusDetails } from './errors/status-details.ts'
export { type Ending, ERROR_DOMAIN, toEnding } from './errors/to-status.ts'
export { HealthDefinition } from './generated/grpc/health/v1/health.ts'
export { type InProcess, type InProcessOptions, inProcess } from './in-process.ts'
export type { MetadataInput, MetadataValue } from './metadata.ts'
export type { Authenticate, GrpcCallContext } from './server/guard.ts'
export type { HealthSource } from './server/health-service.ts'
export { type IncomingCall, incomingCall } from './server/incoming-call.ts'
export { GRPC_SERVER_DEFAULTS, type GrpcServerOptions } from './server/options.ts'
export { GrpcServer } from './server/server.ts'
export { type StatusName, statusCode, statusName } from './status.ts'
