import type { Schema } from '../schema/setting.ts'
import {
  BULKHEAD,
  type BulkheadConfig,
  CIRCUIT_BREAKER,
  type CircuitBreakerConfig,
  RETRY,
  type RetryConfig,
} from './resilience.ts'
import { SSL_FILES, type SslFilesConfig } from './ssl.ts'

export interface MeshConfig {
  /** Where others reach this service; absent: it only calls. */
  readonly host?: string
  readonly port?: number
  readonly zone?: string
  /** Who this service is: its certificate is shown in both directions. */
  readonly ssl: SslFilesConfig
  /** Who may call, by SPIFFE id or DNS name; absent: everybody with a certificate of the authority. */
  readonly allow?: readonly string[]
  /** Who may not, whatever `allow` says. @default [] */
  readonly deny: readonly string[]
}

export interface MeshTimeoutConfig {
  /** One try of several. @default 10000 */
  readonly attemptMs: number
  /** Everything, retries included. @default 30000 */
  readonly totalMs: number
}

export interface MeshTrafficConfig {
  /** Shares by version: `1` stands for `1.4.2` too. */
  readonly split?: Readonly<Record<string, number>>
  /** A header of requests: those that have the same value in it go to one instance. */
  readonly sticky?: string
}

/** How a service is called. */
export interface MeshServiceConfig {
  readonly retry: RetryConfig
  readonly circuitBreaker: CircuitBreakerConfig
  readonly bulkhead: BulkheadConfig
  readonly timeout: MeshTimeoutConfig
  readonly traffic: MeshTrafficConfig
}

const TIMEOUT: Schema<MeshTimeoutConfig> = {
  attemptMs: { kind: 'duration', min: 1, default: 10_000, doc: 'One try of several.' },
  totalMs: { kind: 'duration', min: 1, alone: true, default: 30_000, doc: 'Everything, retries included.' },
}

const TRAFFIC: Schema<MeshTrafficConfig> = {
  split: {
    kind: 'map',
    each: { kind: 'number', min: 0 },
    doc: 'Shares of the calls by version of the instances; `1` stands for `1.4.2` too.',
  },
  sticky: { kind: 'text', doc: 'A header of requests; those with the same value go to one instance.' },
}

export const MESH: Schema<MeshConfig> = {
  host: { kind: 'text', doc: 'Where others reach this service; absent: it only calls.' },
  port: { kind: 'number', min: 1, max: 65_535, integer: true, doc: 'Where others reach this service.' },
  zone: { kind: 'text', doc: 'Where this service runs; instances of its own zone are called first.' },
  ssl: SSL_FILES,
  allow: {
    kind: 'list',
    each: { kind: 'text' },
    doc: 'Who may call, by SPIFFE id or DNS name; absent: everybody with a certificate of the authority.',
  },
  deny: { kind: 'list', each: { kind: 'text' }, default: [], doc: 'Who may not call, whatever `allow` says.' },
}

export const MESH_SERVICE: Schema<MeshServiceConfig> = {
  retry: RETRY,
  circuitBreaker: CIRCUIT_BREAKER,
  bulkhead: BULKHEAD,
  timeout: TIMEOUT,
  traffic: TRAFFIC,
}
