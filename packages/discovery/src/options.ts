import { type Backoff, type Clock, exponentialBackoff, type Logger, silentLogger, systemClock } from '@comm/core'
import {
  callable,
  checkArgument,
  checkOptions,
  nonEmptyText,
  number,
  required,
  withDefaults,
  withMethods,
} from '@comm/core/options'
import type { Registry } from './registry.ts'

export interface ServiceDiscoveryOptions {
  /** Where services are known. The discovery disposes of it when it is closed. */
  readonly registry: Registry
  /** Names it in health and logs. @default 'discovery' */
  readonly name?: string
  /** How long an instance registered here stays listed without a heartbeat. @default 15000 */
  readonly ttlMs?: number
  /** Between two heartbeats, give or take a tenth; less than half of `ttlMs`. @default a third of ttlMs */
  readonly heartbeatMs?: number
  /** How long one request may take: a registration, a heartbeat, a list. @default 5000 */
  readonly requestTimeoutMs?: number
  /** How long the first list of a service, or a registration, is waited for. @default 10000 */
  readonly readyTimeoutMs?: number
  /** Changes of a list that come faster than this are told as one. 0: each by itself. @default 100 */
  readonly coalesceMs?: number
  /** How long a list is still followed when its last user has gone. @default 5000 */
  readonly lingerMs?: number
  /**
   * When a registry that forgets (`features.durable` is false) is back after an outage: how long instances are kept that it does not list
   * again yet. Two heartbeats of the slowest service, at least. @default ttlMs
   */
  readonly recoveryGraceMs?: number
  /** Between two tries while the registry is away. @default exponential, 100 to 5000 ms, half of it random */
  readonly backoff?: Backoff
  /** Hears that the registry is away and back, and of registrations that were lost. @default silentLogger */
  readonly logger?: Logger
  /** @default systemClock */
  readonly clock?: Clock
  /** For jitter: numbers from 0 up to but excluding 1. @default Math.random */
  readonly random?: () => number
}

type Derived = 'registry' | 'heartbeatMs' | 'recoveryGraceMs'

export const SERVICE_DISCOVERY_DEFAULTS: Readonly<Required<Omit<ServiceDiscoveryOptions, Derived>>> = Object.freeze({
  name: 'discovery',
  ttlMs: 15_000,
  requestTimeoutMs: 5000,
  readyTimeoutMs: 10_000,
  coalesceMs: 100,
  lingerMs: 5000,
  backoff: exponentialBackoff({ baseMs: 100, maxMs: 5000 }),
  logger: silentLogger,
  clock: systemClock,
  random: Math.random,
})

const HEARTBEATS_PER_TTL = 3

export type ResolvedDiscovery = Readonly<Required<ServiceDiscoveryOptions>>

/** @throws ConfigurationError */
export function resolveDiscovery(options: ServiceDiscoveryOptions): ResolvedDiscovery {
  const duration = number({ above: 0 })
  const orNone = number({ min: 0 })
  checkOptions<ServiceDiscoveryOptions>('ServiceDiscovery', options, {
    registry: required(withMethods('a Registry', 'register', 'renew', 'deregister', 'resolve', 'watch', 'health')),
    name: nonEmptyText,
    ttlMs: duration,
    heartbeatMs: duration,
    requestTimeoutMs: duration,
    readyTimeoutMs: duration,
    coalesceMs: orNone,
    lingerMs: orNone,
    recoveryGraceMs: orNone,
    backoff: withMethods('a Backoff', 'delayMs'),
    logger: withMethods('a Logger', 'debug', 'info', 'warn', 'error'),
    clock: withMethods('a Clock', 'now', 'wall', 'setTimer'),
    random: callable,
  })
  const { heartbeatMs, recoveryGraceMs, ...resolved } = withDefaults(SERVICE_DISCOVERY_DEFAULTS, options)
  const { ttlMs, registry } = resolved
  checkArgument('ServiceDiscovery.ttlMs', ttlMs, leastTtl(registry))
  const beat = heartbeatMs ?? ttlMs / HEARTBEATS_PER_TTL
  checkArgument('ServiceDiscovery.heartbeatMs', beat, {
    expected: `less than half of ttlMs (${ttlMs}), so that one may be missed`,
    accepts: () => beat < ttlMs / 2,
  })
  return Object.freeze({ ...resolved, heartbeatMs: beat, recoveryGraceMs: recoveryGraceMs ?? ttlMs })
}

function leastTtl({ features: { registers, leastTtlMs = 0 }, system }: Registry): {
  expected: string
  accepts: (ttlMs: unknown) => boolean
} {
  return {
    expected: `>= ${leastTtlMs}, the shortest that ${system} keeps`,
    accepts: (ttlMs) => !registers || (ttlMs as number) >= leastTtlMs,
  }
}
