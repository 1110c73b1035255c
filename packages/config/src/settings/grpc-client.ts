import type { Schema } from '../schema/setting.ts'
import {
  BULKHEAD,
  type BulkheadConfig,
  CIRCUIT_BREAKER,
  type CircuitBreakerConfig,
  RETRY,
  type RetryConfig,
} from './resilience.ts'
import { SSL, type SslConfig } from './ssl.ts'

export interface GrpcTimeoutConfig {
  /** Until a connection is there: TCP, TLS and HTTP/2 together. @default 10000 */
  readonly connectionMs: number
  /** One try of several; absent: no limit of its own. */
  readonly attemptMs?: number
  /** Everything, retries included, where there is one answer. @default 30000 */
  readonly totalMs: number
  /** Everything, where the answer is a stream; absent: no limit. */
  readonly streamMs?: number
}

export interface GrpcKeepaliveConfig {
  /** @default false */
  readonly enabled: boolean
  /** The other side is asked after so long without a sign of it. @default 60000 */
  readonly intervalMs: number
  /** The connection is given up after so long without an answer. @default 20000 */
  readonly timeoutMs: number
  /** Also while there is no call. @default false */
  readonly whileIdle: boolean
}

export interface GrpcClientConfig {
  /** One place: `host:port` or `unix:///path`. */
  readonly address?: string
  /** Several instances, `host:port` each, in place of `address`. @default [] */
  readonly addresses: readonly string[]
  /** The service's name; without an address it is found through service discovery. */
  readonly service?: string
  /** Sent with every call. @default {} */
  readonly metadata: Readonly<Record<string, string>>
  readonly timeout: GrpcTimeoutConfig
  /** A longer message is an error. @default 4194304 */
  readonly maxReceiveBytes: number
  /** Of what is sent. @default 'identity' */
  readonly compression: 'identity' | 'deflate' | 'gzip'
  readonly keepalive: GrpcKeepaliveConfig
  readonly retry: RetryConfig
  readonly circuitBreaker: CircuitBreakerConfig
  readonly bulkhead: BulkheadConfig
  readonly ssl: SslConfig
}

const TIMEOUT: Schema<GrpcTimeoutConfig> = {
  connectionMs: {
    kind: 'duration',
    min: 1,
    default: 10_000,
    doc: 'Until a connection is there: TCP, TLS and HTTP/2 together.',
  },
  attemptMs: { kind: 'duration', min: 1, doc: 'One try of several.' },
  totalMs: {
    kind: 'duration',
    min: 1,
    alone: true,
    default: 30_000,
    doc: 'Everything, retries included, where there is one answer.',
  },
  streamMs: { kind: 'duration', min: 1, doc: 'Everything, where the answer is a stream.' },
}

const KEEPALIVE: Schema<GrpcKeepaliveConfig> = {
  enabled: { kind: 'flag', alone: true, default: false, doc: 'Find out by pings whether the other side is still there.' },
  intervalMs: { kind: 'duration', min: 1, default: 60_000, doc: 'After so long without a sign of it.' },
  timeoutMs: { kind: 'duration', min: 1, default: 20_000, doc: 'Give up after so long without an answer.' },
  whileIdle: { kind: 'flag', default: false, doc: 'Also while there is no call.' },
}

export const GRPC_CLIENT: Schema<GrpcClientConfig> = {
  address: { kind: 'text', doc: 'One place: `host:port` or `unix:///path`.' },
  addresses: {
    kind: 'list',
    each: { kind: 'text' },
    default: [],
    doc: 'Several instances, `host:port` each, in place of `address`.',
  },
  service: { kind: 'text', doc: "The service's name; without an address it is found through service discovery." },
  metadata: { kind: 'map', each: { kind: 'text' }, default: {}, doc: 'Sent with every call.' },
  timeout: TIMEOUT,
  maxReceiveBytes: { kind: 'size', min: 1, default: 4_194_304, doc: 'A longer message is an error.' },
  compression: { kind: 'choice', of: ['identity', 'deflate', 'gzip'], default: 'identity', doc: 'Of what is sent.' },
  keepalive: KEEPALIVE,
  retry: RETRY,
  circuitBreaker: CIRCUIT_BREAKER,
  bulkhead: BULKHEAD,
  ssl: SSL,
}
