export type { GatewayConfig } from './config/gateway-config.ts'
export {
  type FileSettings,
  GATEWAY_DEFAULTS,
  type GatewayFileConfig,
  type GatewayOptions,
  type GatewaySettings,
} from './config/gateway-options.ts'
export type { ConfigParts } from './config/parts.ts'
export type { Expected, FallbackConfig, RouteConfig, WeightedTarget } from './config/route-config.ts'
export type { ReloadReport } from './config/running-settings.ts'
export { CONNECTION_DEFAULTS, RETRY_DEFAULTS } from './config/service.ts'
export type { ActiveHealthConfig, BalancingName, RetryConfig, ServiceConfig, UpstreamTls } from './config/service-config.ts'
export { CONFIG_WATCH_DEFAULTS, ConfigWatch, type ConfigWatchOptions } from './config/watch.ts'
export { parseGatewayConfig, readGatewayConfig } from './config/yaml.ts'
export type { GatewayRequest } from './exchange/gateway-request.ts'
export { createGateway, type Gateway } from './gateway.ts'
export type { GrpcDefinition, GrpcMessage, GrpcMethod, GrpcRouteConfig } from './grpc/grpc-route.ts'
export type { ForwardedStyle } from './message/forwarding.ts'
export type { ServiceState } from './observe/service-states.ts'
export type { OpenApiDocument } from './openapi/document.ts'
export type { GatewayTls } from './server/tls.ts'
export type { AggregateConfig, AggregatePart } from './steps/aggregate.ts'
export type { Authenticate, AuthGate, AuthRequest, PresentedCredentials, WantedAccess } from './steps/auth.ts'
export type { CacheConfig } from './steps/cache.ts'
export type { PresentedCertificate } from './steps/client-certificate.ts'
export type { CorsConfig } from './steps/cors.ts'
export type { MirrorConfig } from './steps/mirror.ts'
export { OPENAPI_ROUTE_DEFAULTS, type OpenApiRouteConfig } from './steps/openapi.ts'
export type { RateLimitConfig, RateLimitKey } from './steps/rate-limit.ts'
export type { TransformConfig } from './steps/transform.ts'
export type { ValidateConfig } from './steps/validate.ts'
export type { OpenApiValidation } from './steps/validate-openapi.ts'
export { TIMEOUT_DEFAULTS, type TimeoutsConfig } from './upstream/timeouts.ts'
