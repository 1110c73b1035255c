import { anything, boolean, checkOptions, number, type Rule, type Rules, text, withDefaults } from '@comm/core/options'
import { REDIS_CONNECTION_RULES, type RedisConnectionOptions } from '@comm/redis-stores/connection'

/** Where both adapters connect to, and what they have in common. */
export interface RedisAdapterOptions extends RedisConnectionOptions {
  /** Put before every topic. @default '' */
  readonly keyPrefix?: string
  /** Larger bodies are refused. @default 16777216 (16 MiB) */
  readonly maxBodyBytes?: number
  /** False: a publish resolves when it is sent; a loss, or that nobody takes it, goes unnoticed. @default true */
  readonly confirmDelivery?: boolean
}

export interface RedisStreamsAdapterOptions extends RedisAdapterOptions {
  /** Entries that one subscription fetches ahead of each topic, beside those being handled. @default 100 */
  readonly prefetchCount?: number
  /** Their bytes, about; whichever is reached first. @default 16777216 (16 MiB) */
  readonly prefetchBytes?: number
  /**
   * What a consumer holds goes to another one of its group when it has shown no sign of life for so long; running handlers keep
   * showing one. So does the place of the active consumer of an ordered group. @default 15000
   */
  readonly claimIdleMs?: number
  /** Acknowledged entries kept per topic, about, for groups that begin at `earliest` or at a time. @default 10000 */
  readonly retainedRecords?: number
}

export interface RedisPubSubAdapterOptions extends RedisAdapterOptions {
  /** Messages that one subscription holds for busy handlers; more are dropped, and counted in the health. @default 10000 */
  readonly maxQueuedRecords?: number
  /** Use sharded Pub/Sub (`SPUBLISH`), which scales with a Cluster, but has no patterns. @default false */
  readonly sharded?: boolean
  /** Has no meaning for Pub/Sub, which pushes whatever comes; accepted because configuration sections have it. */
  readonly prefetchCount?: number
}

type Defaults<Options> = Readonly<Required<Omit<Options, keyof RedisConnectionOptions>>>
type StreamsDefaults = Defaults<RedisStreamsAdapterOptions>
type PubSubDefaults = Omit<Defaults<RedisPubSubAdapterOptions>, 'prefetchCount'>
export type ResolvedStreams = RedisStreamsAdapterOptions & StreamsDefaults
export type ResolvedPubSub = RedisPubSubAdapterOptions & PubSubDefaults

const DEFAULTS = { keyPrefix: '', maxBodyBytes: 16 * 1024 * 1024, confirmDelivery: true } as const

export const REDIS_STREAMS_DEFAULTS: StreamsDefaults = Object.freeze({
  ...DEFAULTS,
  prefetchCount: 100,
  prefetchBytes: 16 * 1024 * 1024,
  claimIdleMs: 15_000,
  retainedRecords: 10_000,
})

export const REDIS_PUBSUB_DEFAULTS: PubSubDefaults = Object.freeze({ ...DEFAULTS, maxQueuedRecords: 10_000, sharded: false })

/** Braces would send a topic's keys to several slots of a Cluster. */
const prefix: Rule = {
  expected: 'a string without { and }',
  accepts: (value) => text.accepts(value) && !/[{}]/.test(String(value)),
}
const count = number({ min: 1, integer: true })
const RULES: Rules<RedisAdapterOptions> = {
  ...REDIS_CONNECTION_RULES,
  keyPrefix: prefix,
  maxBodyBytes: number({ min: 1, max: 512 * 1024 * 1024, integer: true }),
  confirmDelivery: boolean,
}

export const REDIS_STREAMS_RULES: Rules<RedisStreamsAdapterOptions> = Object.freeze({
  ...RULES,
  prefetchCount: count,
  prefetchBytes: count,
  claimIdleMs: number({ min: 100 }),
  retainedRecords: number({ min: 0, integer: true }),
})

export const REDIS_PUBSUB_RULES: Rules<RedisPubSubAdapterOptions> = Object.freeze({
  ...RULES,
  maxQueuedRecords: count,
  sharded: boolean,
  prefetchCount: anything,
})

/** @throws ConfigurationError */
export function resolveStreams(options: RedisStreamsAdapterOptions): ResolvedStreams {
  checkOptions('RedisStreams', options, REDIS_STREAMS_RULES)
  return withDefaults<RedisStreamsAdapterOptions, keyof StreamsDefaults>(REDIS_STREAMS_DEFAULTS, options)
}

/** @throws ConfigurationError */
export function resolvePubSub(options: RedisPubSubAdapterOptions): ResolvedPubSub {
  checkOptions('RedisPubSub', options, REDIS_PUBSUB_RULES)
  return withDefaults<RedisPubSubAdapterOptions, keyof PubSubDefaults>(REDIS_PUBSUB_DEFAULTS, options)
}
