import {
  anything,
  boolean,
  checkOptions,
  number,
  object,
  oneOf,
  type Rule,
  type Rules,
  text,
  withDefaults,
} from '@comm/core/options'
import type { MessageClientOptions } from '@comm/messaging'
import { REDIS_CONNECTION_RULES, type RedisConnectionOptions } from '@comm/redis-stores/connection'

/** Where both adapters connect to, and what they take from a configuration section that knows other brokers too. */
export interface RedisAdapterOptions extends RedisConnectionOptions {
  /** Put before every topic. @default '' */
  readonly keyPrefix?: string
  /** Larger bodies are refused. @default 16777216 (16 MiB) */
  readonly maxBodyBytes?: number
  /** False: a publish resolves when it is sent; a loss, or that nobody takes it, goes unnoticed. @default true */
  readonly confirmDelivery?: boolean
  /** RabbitMQ's; only its default is accepted. */
  readonly virtualHost?: '/'
  /** Kafka's; only nothing is accepted. */
  readonly saslMechanism?: undefined
  /** Kafka's; only an empty object is accepted. */
  readonly producerConfig?: Readonly<Record<string, never>>
  /** Kafka's; only an empty object is accepted. */
  readonly consumerConfig?: Readonly<Record<string, never>>
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

type SharedDefaults = 'keyPrefix' | 'maxBodyBytes' | 'confirmDelivery'
const SHARED_DEFAULTS = { keyPrefix: '', maxBodyBytes: 16 * 1024 * 1024, confirmDelivery: true } as const

export const REDIS_STREAMS_DEFAULTS: Readonly<
  Required<
    Pick<RedisStreamsAdapterOptions, SharedDefaults | 'prefetchCount' | 'prefetchBytes' | 'claimIdleMs' | 'retainedRecords'>
  >
> = Object.freeze({
  ...SHARED_DEFAULTS,
  prefetchCount: 100,
  prefetchBytes: 16 * 1024 * 1024,
  claimIdleMs: 15_000,
  retainedRecords: 10_000,
})

export const REDIS_PUBSUB_DEFAULTS: Readonly<
  Required<Pick<RedisPubSubAdapterOptions, SharedDefaults | 'maxQueuedRecords' | 'sharded'>>
> = Object.freeze({ ...SHARED_DEFAULTS, maxQueuedRecords: 10_000, sharded: false })

export type ResolvedStreams = RedisStreamsAdapterOptions & typeof REDIS_STREAMS_DEFAULTS
export type ResolvedPubSub = RedisPubSubAdapterOptions & typeof REDIS_PUBSUB_DEFAULTS

const empty = (whose: string): Rule => ({
  expected: `absent or empty: it is ${whose}`,
  accepts: (value) => object.accepts(value) && Object.values(value as object).every((each) => each === undefined),
})
const prefix: Rule = {
  expected: 'a string without { and }',
  accepts: (value) => text.accepts(value) && !/[{}]/.test(String(value)),
}
const count = number({ min: 1, integer: true })

const SHARED_RULES: Rules<RedisAdapterOptions> = {
  ...REDIS_CONNECTION_RULES,
  keyPrefix: prefix,
  maxBodyBytes: number({ min: 1, max: 512 * 1024 * 1024, integer: true }),
  confirmDelivery: boolean,
  virtualHost: oneOf('/'),
  saslMechanism: { expected: "absent: it is Kafka's", accepts: () => false },
  producerConfig: empty("Kafka's"),
  consumerConfig: empty("Kafka's"),
}

/** @throws ConfigurationError */
export function resolveStreams(options: RedisStreamsAdapterOptions): ResolvedStreams {
  checkOptions<RedisStreamsAdapterOptions>('RedisStreams', options, {
    ...SHARED_RULES,
    prefetchCount: count,
    prefetchBytes: count,
    claimIdleMs: number({ min: 100 }),
    retainedRecords: number({ min: 0, integer: true }),
  })
  return Object.freeze(
    withDefaults<RedisStreamsAdapterOptions, keyof typeof REDIS_STREAMS_DEFAULTS>(REDIS_STREAMS_DEFAULTS, options),
  )
}

/** @throws ConfigurationError */
export function resolvePubSub(options: RedisPubSubAdapterOptions): ResolvedPubSub {
  checkOptions<RedisPubSubAdapterOptions>('RedisPubSub', options, {
    ...SHARED_RULES,
    maxQueuedRecords: count,
    sharded: boolean,
    prefetchCount: anything,
  })
  return Object.freeze(
    withDefaults<RedisPubSubAdapterOptions, keyof typeof REDIS_PUBSUB_DEFAULTS>(REDIS_PUBSUB_DEFAULTS, options),
  )
}

/** The options of the connection among those of an adapter. */
export function connectionOptions(options: RedisAdapterOptions): RedisConnectionOptions {
  const names = Object.keys(REDIS_CONNECTION_RULES)
  return Object.fromEntries(Object.entries(options).filter(([name]) => names.includes(name)))
}

const CLIENT_OPTIONS: readonly (keyof MessageClientOptions)[] = [
  'name',
  'source',
  'group',
  'connectOn',
  'publishTimeoutMs',
  'requestTimeoutMs',
  'closeTimeoutMs',
  'buffer',
  'codecs',
  'resilience',
  'logger',
  'clock',
  'random',
]
/** What both the message client and the connection take. */
const FOR_BOTH: readonly string[] = ['logger', 'clock', 'random']

/** Tells the options of the message client from those of its adapter. */
export function splitOptions<Adapter extends RedisAdapterOptions>(
  options: Adapter & MessageClientOptions,
): { readonly adapter: Adapter; readonly client: MessageClientOptions } {
  const client: Record<string, unknown> = {}
  const adapter: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(options)) {
    const isClients = (CLIENT_OPTIONS as readonly string[]).includes(name)
    if (isClients) client[name] = value
    if (!isClients || FOR_BOTH.includes(name)) adapter[name] = value
  }
  return { adapter: adapter as Adapter, client }
}
