import type { Schema } from '../schema/setting.ts'

export interface RetryConfig {
  /** @default true */
  readonly enabled: boolean
  /** Tries after the first. @default 3 */
  readonly maxRetries: number
  /** How the waits grow. @default 'exponential' */
  readonly backoff: 'constant' | 'linear' | 'exponential' | 'fibonacci' | 'decorrelated-jitter'
  /** The first wait. @default 100 */
  readonly baseDelayMs: number
  /** No wait is longer. @default 30000 */
  readonly maxDelayMs: number
  /** Share of each wait that is random, from 0 to 1. @default 0.5 */
  readonly jitter: number
}

export const RETRY: Schema<RetryConfig> = {
  enabled: { kind: 'flag', alone: true, default: true, doc: 'Try again after a failure that may pass.' },
  maxRetries: { kind: 'number', min: 0, integer: true, default: 3, outside: ['maxRetries'], doc: 'Tries after the first.' },
  backoff: {
    kind: 'choice',
    of: ['constant', 'linear', 'exponential', 'fibonacci', 'decorrelated-jitter'],
    default: 'exponential',
    doc: 'How the waits between tries grow.',
  },
  baseDelayMs: { kind: 'duration', default: 100, doc: 'The first wait.' },
  maxDelayMs: { kind: 'duration', default: 30_000, doc: 'No wait is longer.' },
  jitter: { kind: 'number', min: 0, max: 1, default: 0.5, doc: 'Share of each wait that is random, from 0 to 1.' },
}

export interface CircuitBreakerConfig {
  /** @default true */
  readonly enabled: boolean
  /** Failures in a row that open it. @default 5 */
  readonly failureThreshold: number
  /** How long it stays open before it lets probes through. @default 10000 */
  readonly recoveryTimeoutMs: number
  /** Probes that must succeed before it closes. @default 1 */
  readonly halfOpenMaxCalls: number
}

export const CIRCUIT_BREAKER: Schema<CircuitBreakerConfig> = {
  enabled: { kind: 'flag', alone: true, default: true, doc: 'Stop calling what keeps failing.' },
  failureThreshold: { kind: 'number', min: 1, integer: true, default: 5, doc: 'Failures in a row that open the breaker.' },
  recoveryTimeoutMs: { kind: 'duration', min: 1, default: 10_000, doc: 'How long it stays open before it lets probes through.' },
  halfOpenMaxCalls: { kind: 'number', min: 1, integer: true, default: 1, doc: 'Probes that must succeed before it closes.' },
}

export interface BulkheadConfig {
  /** @default true */
  readonly enabled: boolean
  /** Calls in flight at once. @default 100 */
  readonly limit: number
  /** Calls that may wait for their turn; further ones are refused. @default 1000 */
  readonly maxQueue: number
}

export const BULKHEAD: Schema<BulkheadConfig> = {
  enabled: { kind: 'flag', alone: true, default: true, doc: 'Limit the calls in flight.' },
  limit: { kind: 'number', min: 1, integer: true, default: 100, doc: 'Calls in flight at once.' },
  maxQueue: {
    kind: 'number',
    min: 0,
    integer: true,
    default: 1000,
    doc: 'Calls that may wait for their turn; further ones are refused.',
  },
}
