import type { EnhancedHttpClient } from './enhanced-client.ts'

declare module '@comm/core' {
  interface ManagerComponents {
    readonly http: EnhancedHttpClient
  }
}

export { clientCredentials, type TokenRequester } from './auth/client-credentials.ts'
export type {
  ApiKeyAuth,
  AuthOptions,
  BasicAuth,
  BearerAuth,
  CustomAuth,
  OAuth2Auth,
  OAuth2Options,
  TokensAuth,
} from './auth/options.ts'
export type {
  BalancingOptions,
  Endpoints,
  HttpBalancerOptions,
  HttpHealthCheck,
} from './balancing/options.ts'
export { pickPlace } from './balancing/pick-place.ts'
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
export type { ClientTlsOptions, TlsSource } from './client-tls.ts'
export { EnhancedHttpClient } from './enhanced-client.ts'
export {
  ENHANCED_HTTP_CLIENT_DEFAULTS,
  type EnhancedHttpClientOptions,
  type HttpFallback,
  type HttpFallbackAnswer,
} from './enhanced-options.ts'
export { type EventsOptions, RECONNECT_DEFAULTS, type ReconnectOptions, type ServerSentEvent } from './events/options.ts'
export { gotTransport } from './got-transport.ts'
export type { HeadersInput } from './headers.ts'
export type {
  ErrorInterceptor,
  Interceptors,
  RequestInterceptor,
  ResponseInterceptor,
} from './interceptors.ts'
export {
  byCursor,
  byLink,
  byPageNumber,
  type CursorOptions,
  type PageNumberOptions,
} from './pagination/next-page.ts'
export type { NextPage, Page, PaginateOptions } from './pagination/options.ts'
export { POOL_DEFAULTS } from './pool-options.ts'
export { type PoolSizeOptions, poolSize } from './pool-size.ts'
export type { ProxyOption, ProxyOptions } from './proxy/options.ts'
export type { Query, QueryValue } from './query.ts'
export type { CookieJar } from './redirects/cookie-jar.ts'
export type { HttpRequest, RequestChange } from './request.ts'
export { attemptTimeout, totalTimeout } from './request-timeout.ts'
export { type HttpAnswerInit, HttpResponse, HttpStreamResponse, type ResponseHead } from './response.ts'
export { serviceUnavailable } from './service-unavailable.ts'
export type {
  HttpTransport,
  PhaseTimeouts,
  PoolOptions,
  Sent,
  TransferProgress,
  TransportBody,
  TransportOptions,
  TransportRequest,
  TransportResponse,
  TransportStats,
} from './transport.ts'
export {
  breakerVerdict,
  elsewhereVerdict,
  hintElsewhere,
  instanceVerdict,
  isSafeElsewhere,
  isSafeToRetry,
  retryVerdict,
} from './verdicts.ts'
