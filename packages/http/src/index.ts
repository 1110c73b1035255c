import type { EnhancedHttpClient } from './enhanced-client.ts'

declare module '@comm/core' {
  interface ManagerComponents {
    readonly http: EnhancedHttpClient
  }
}

export type { BodyInput, BodyOptions } from './body.ts'
export { cachePlace } from './cached-calls.ts'
export { HttpClient } from './client.ts'
export { ClientCache } from './client-cache.ts'
export {
  HTTP_CLIENT_DEFAULTS,
  type HttpClientOptions,
  type HttpTimeouts,
  type RequestOptions,
  TIMEOUT_DEFAULTS,
} from './client-options.ts'
export { EnhancedHttpClient } from './enhanced-client.ts'
export {
  ENHANCED_HTTP_CLIENT_DEFAULTS,
  type EnhancedHttpClientOptions,
  type HttpFallback,
  type HttpFallbackAnswer,
} from './enhanced-options.ts'
export { gotTransport } from './got-transport.ts'
export type { HeadersInput } from './headers.ts'
export { POOL_DEFAULTS } from './pool-options.ts'
export type { Query, QueryValue } from './query.ts'
export type { HttpRequest } from './request.ts'
export { attemptTimeout, totalTimeout } from './request-timeout.ts'
export { HttpResponse, HttpStreamResponse, type ResponseHead } from './response.ts'
export type {
  HttpTransport,
  PhaseTimeouts,
  PoolOptions,
  Sent,
  TlsOptions,
  TransportBody,
  TransportOptions,
  TransportRequest,
  TransportResponse,
  TransportStats,
} from './transport.ts'
export { breakerVerdict, isSafeToRetry, retryVerdict } from './verdicts.ts'
