import type { Schema } from '../schema/setting.ts'
import { HTTP_AUTH, type HttpAuthConfig } from './http-auth.ts'
import {
  BULKHEAD,
  type BulkheadConfig,
  CIRCUIT_BREAKER,
  type CircuitBreakerConfig,
  RETRY,
  type RetryConfig,
} from './resilience.ts'
import { SSL_FILES, type SslFilesConfig } from './ssl.ts'

/** How long each phase of a request may last. */
export interface HttpTimeoutConfig {
  /** Until a connection is there: name lookup, TCP and TLS together. @default 10000 */
  readonly connectionMs: number
  /** The longest silence of the server. @default 30000 */
  readonly readMs: number
  /** Sending the request, body included. @default 30000 */
  readonly writeMs: number
  /** One try of several. @default 10000 */
  readonly attemptMs: number
  /** Everything, retries included. @default 30000 */
  readonly totalMs: number
}

export interface HttpCacheConfig {
  /** @default true */
  readonly enabled: boolean
  /** Freshness of an answer that states none itself. */
  readonly ttlMs?: number
  /** @default 1000 */
  readonly maxEntries: number
  /** All stored bodies together. @default 52428800 */
  readonly maxBytes: number
}

export interface HttpClientConfig {
  /** Where relative URLs start. `service://orders/path`: at the instances that service discovery finds. */
  readonly baseUrl?: string
  /** Sent with every request. @default {} */
  readonly headers: Readonly<Record<string, string>>
  readonly timeout: HttpTimeoutConfig
  /** Connections at once, to all hosts. @default 100 */
  readonly maxConnections: number
  /** Idle connections that are kept. @default 20 */
  readonly maxKeepaliveConnections: number
  /** How long an idle connection is kept. @default 30000 */
  readonly keepaliveExpiryMs: number
  /** A larger body is an error. @default 10485760 */
  readonly maxResponseBytes: number
  readonly retry: RetryConfig
  readonly circuitBreaker: CircuitBreakerConfig
  readonly bulkhead: BulkheadConfig
  readonly cache: HttpCacheConfig
  /** Shows to the server of `baseUrl` who calls. */
  readonly auth: HttpAuthConfig
  /** For `https:` URLs. Files that are replaced are used for new connections. */
  readonly ssl: SslFilesConfig
}

const TIMEOUT: Schema<HttpTimeoutConfig> = {
  connectionMs: {
    kind: 'duration',
    min: 1,
    default: 10_000,
    doc: 'Until a connection is there: name lookup, TCP and TLS together.',
  },
  readMs: { kind: 'duration', min: 1, default: 30_000, doc: 'The longest silence of the server.' },
  writeMs: { kind: 'duration', min: 1, default: 30_000, doc: 'Sending the request, body included.' },
  attemptMs: { kind: 'duration', min: 1, default: 10_000, doc: 'One try of several.' },
  totalMs: { kind: 'duration', min: 1, alone: true, default: 30_000, doc: 'Everything, retries included.' },
}

const CACHE: Schema<HttpCacheConfig> = {
  enabled: { kind: 'flag', alone: true, default: true, doc: 'Keep answers as RFC 9111 allows.' },
  ttlMs: { kind: 'duration', doc: 'Freshness of an answer that states none itself.' },
  maxEntries: { kind: 'number', min: 1, integer: true, default: 1000, doc: 'Answers kept at most.' },
  maxBytes: { kind: 'size', min: 1, default: 52_428_800, doc: 'Size of all stored bodies together.' },
}

export const HTTP_CLIENT: Schema<HttpClientConfig> = {
  baseUrl: {
    kind: 'url',
    services: true,
    doc: 'Where relative URLs start. `service://orders/path`: at the instances that service discovery finds.',
  },
  headers: { kind: 'map', each: { kind: 'text' }, default: {}, doc: 'Sent with every request.' },
  timeout: TIMEOUT,
  maxConnections: { kind: 'number', min: 1, integer: true, default: 100, doc: 'Connections at once, to all hosts.' },
  maxKeepaliveConnections: { kind: 'number', min: 0, integer: true, default: 20, doc: 'Idle connections that are kept.' },
  keepaliveExpiryMs: { kind: 'duration', min: 1, default: 30_000, doc: 'How long an idle connection is kept.' },
  maxResponseBytes: { kind: 'size', min: 1, default: 10_485_760, doc: 'A larger body is an error.' },
  retry: RETRY,
  circuitBreaker: CIRCUIT_BREAKER,
  bulkhead: BULKHEAD,
  cache: CACHE,
  auth: HTTP_AUTH,
  ssl: SSL_FILES,
}
