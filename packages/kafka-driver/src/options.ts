import { ConfigurationError, type Endpoint } from '@comm/core'
import {
  boolean,
  callable,
  checkOptions,
  nonEmptyText,
  number,
  object,
  oneOf,
  type Rules,
  withDefaults,
} from '@comm/core/options'
import { SERVER_DEFAULTS, SERVER_RULES, type ServerOptions, serversOf } from '@comm/messaging/adapter'

export type Compression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'

export interface KafkaProducerConfig {
  /** Bytes sent to one partition at once; must stay below the broker's `message.max.bytes`. @default 1000000 */
  readonly batchSizeBytes?: number
  /** How long a batch waits to fill; without it, what arrives while a request is outstanding makes the next one. @default 0 */
  readonly lingerMs?: number
  /** gzip and zstd are built in; the others need `kafkajs-snappy` or `kafkajs-lz4`. @default 'none' */
  readonly compressionType?: Compression
  /** Replicas that must have a record before it counts as stored. @default 'all' */
  readonly acks?: 'all' | '1' | '0'
  /** A resend after a failure stores nothing twice; only with `acks` all. @default true */
  readonly idempotent?: boolean
  /** How long a request may last. @default 10000 */
  readonly requestTimeoutMs?: number
}

export interface KafkaConsumerConfig {
  /** The group, where neither a subscription nor the client names one. */
  readonly groupId?: string
  /** Records of one partition that wait for handlers before no more are fetched; whichever of this and the next is reached first. @default 5000 */
  readonly maxPollRecords?: number
  /** The same in bytes. @default 1048576 (1 MiB) */
  readonly prefetchBytes?: number
  /** The server waits until it has so much to answer with … @default 1 */
  readonly fetchMinBytes?: number
  /** The largest answer to one fetch. @default 10485760 (10 MiB) */
  readonly fetchMaxBytes?: number
  /** … and of one partition in it, unless a single batch is larger. @default 262144 (256 KiB) */
  readonly fetchMaxPartitionBytes?: number
  /** … or for so long; also how long it may take until a partition that was held back is read again. @default 250 */
  readonly fetchMaxWaitMs?: number
  /** Silence after which a consumer is dropped from its group. @default 10000 */
  readonly sessionTimeoutMs?: number
  /** @default 3000 */
  readonly heartbeatIntervalMs?: number
  /** How long a settled record may wait to be committed. @default 250 */
  readonly commitIntervalMs?: number
  /** `earliest`: new groups begin there where they are not told otherwise than `new`. @default 'latest' */
  readonly autoOffsetReset?: 'earliest' | 'latest'
}

export interface KafkaConnectionOptions extends ServerOptions {
  /** Where to reach a broker that calls itself so: through a tunnel, a port forward, a proxy. @default as it says */
  readonly translateAddress?: (broker: Endpoint) => Endpoint
  /** @default 'plain' where a user name is given */
  readonly saslMechanism?: 'plain' | 'scram-sha-256' | 'scram-sha-512' | 'oauthbearer'
  /** The bearer token, asked for whenever a connection is made. */
  readonly oauthToken?: () => string | Promise<string>
  readonly producerConfig?: KafkaProducerConfig
  readonly consumerConfig?: KafkaConsumerConfig
}

const PORT = 9092

type Defaulted = keyof typeof SERVER_DEFAULTS | 'port' | 'translateAddress'

/** `maxBodyBytes` leaves room for key and headers below Kafka's own limit (`message.max.bytes`, 1048588). */
export const KAFKA_CONNECTION_DEFAULTS: Readonly<Required<Pick<KafkaConnectionOptions, Defaulted>>> = Object.freeze({
  ...SERVER_DEFAULTS,
  port: PORT,
  translateAddress: (broker: Endpoint) => broker,
  maxBodyBytes: 1_000_000,
})

export const KAFKA_PRODUCER_DEFAULTS: Readonly<Required<KafkaProducerConfig>> = Object.freeze({
  batchSizeBytes: 1_000_000,
  lingerMs: 0,
  compressionType: 'none',
  acks: 'all',
  idempotent: true,
  requestTimeoutMs: 10_000,
})

export const KAFKA_CONSUMER_DEFAULTS: Readonly<Required<Omit<KafkaConsumerConfig, 'groupId'>>> = Object.freeze({
  maxPollRecords: 5000,
  prefetchBytes: 1024 * 1024,
  fetchMinBytes: 1,
  fetchMaxBytes: 10 * 1024 * 1024,
  fetchMaxPartitionBytes: 256 * 1024,
  fetchMaxWaitMs: 250,
  sessionTimeoutMs: 10_000,
  heartbeatIntervalMs: 3000,
  commitIntervalMs: 250,
  autoOffsetReset: 'latest',
})

const count = number({ min: 1, integer: true })
const positiveMs = number({ min: 1 })

export const KAFKA_CONNECTION_RULES: Rules<KafkaConnectionOptions> = {
  ...SERVER_RULES,
  translateAddress: callable,
  saslMechanism: oneOf('plain', 'scram-sha-256', 'scram-sha-512', 'oauthbearer'),
  oauthToken: callable,
  producerConfig: object,
  consumerConfig: object,
}

const PRODUCER_RULES: Rules<KafkaProducerConfig> = {
  batchSizeBytes: count,
  lingerMs: number({ min: 0 }),
  compressionType: oneOf('none', 'gzip', 'snappy', 'lz4', 'zstd'),
  acks: oneOf('all', '1', '0'),
  idempotent: boolean,
  requestTimeoutMs: positiveMs,
}

const CONSUMER_RULES: Rules<KafkaConsumerConfig> = {
  groupId: nonEmptyText,
  maxPollRecords: count,
  prefetchBytes: count,
  fetchMinBytes: number({ min: 0, integer: true }),
  fetchMaxBytes: count,
  fetchMaxPartitionBytes: count,
  fetchMaxWaitMs: positiveMs,
  sessionTimeoutMs: positiveMs,
  heartbeatIntervalMs: positiveMs,
  commitIntervalMs: number({ min: 0 }),
  autoOffsetReset: oneOf('earliest', 'latest'),
}

/** The options with every default in its place. */
export type ResolvedConnection = typeof KAFKA_CONNECTION_DEFAULTS & {
  readonly servers: readonly Endpoint[]
  readonly username: string | undefined
  readonly password: string | undefined
  readonly saslMechanism: KafkaConnectionOptions['saslMechanism'] | undefined
  readonly oauthToken: KafkaConnectionOptions['oauthToken'] | undefined
  readonly producerConfig: typeof KAFKA_PRODUCER_DEFAULTS
  readonly consumerConfig: typeof KAFKA_CONSUMER_DEFAULTS & KafkaConsumerConfig
  /** As Kafka writes it: -1 is all. */
  readonly acks: -1 | 0 | 1
  readonly isIdempotent: boolean
}

const ACKS = { all: -1, '1': 1, '0': 0 } as const

/** @param options checked by `KAFKA_CONNECTION_RULES` already @throws ConfigurationError */
export function resolveConnection(options: KafkaConnectionOptions): ResolvedConnection {
  const { producerConfig: producer = {}, consumerConfig: consumer = {}, username, password, oauthToken } = options
  checkOptions<KafkaProducerConfig>('kafka.producerConfig', producer, PRODUCER_RULES)
  checkOptions<KafkaConsumerConfig>('kafka.consumerConfig', consumer, CONSUMER_RULES)
  const resolved = withDefaults<KafkaConnectionOptions, Defaulted>(KAFKA_CONNECTION_DEFAULTS, options)
  const producerConfig = withDefaults(KAFKA_PRODUCER_DEFAULTS, producer)
  const consumerConfig = withDefaults(KAFKA_CONSUMER_DEFAULTS, consumer)
  if (consumerConfig.heartbeatIntervalMs >= consumerConfig.sessionTimeoutMs)
    throw new ConfigurationError('kafka.consumerConfig.heartbeatIntervalMs must be less than sessionTimeoutMs')
  const { saslMechanism = username === undefined ? undefined : 'plain' } = options
  if ((saslMechanism === 'oauthbearer') !== (oauthToken !== undefined))
    throw new ConfigurationError("kafka.oauthToken must be given with saslMechanism 'oauthbearer', and only then")
  if (saslMechanism !== undefined && saslMechanism !== 'oauthbearer' && username === undefined)
    throw new ConfigurationError(`kafka.username must be given with saslMechanism '${saslMechanism}', got nothing`)
  const servers = serversOf('kafka', resolved, PORT)
  const acks = resolved.confirmDelivery ? ACKS[producerConfig.acks] : ACKS['0']
  const isIdempotent = producerConfig.idempotent && acks === ACKS.all
  const login = { username, password, saslMechanism, oauthToken }
  return Object.freeze({ ...resolved, ...login, servers, producerConfig, consumerConfig, acks, isIdempotent })
}
