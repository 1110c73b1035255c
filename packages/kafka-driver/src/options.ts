import {
  type Backoff,
  type Clock,
  ConfigurationError,
  type Endpoint,
  exponentialBackoff,
  hostAndPort,
  type Logger,
  parseEndpoint,
  silentLogger,
  systemClock,
} from '@comm/core'
import {
  arrayOf,
  boolean,
  callable,
  checkOptions,
  nonEmptyText,
  number,
  object,
  oneOf,
  type Rules,
  secret,
  text,
  withDefaults,
  withMethods,
} from '@comm/core/options'
import { checkTls, type TlsOptions } from '@comm/core/tls'

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
  /** … or for so long; also how long it may take until a partition that was held back is read again. @default 250 */
  readonly fetchMaxWaitMs?: number
  /** Silence after which a consumer is dropped from its group. @default 6000 */
  readonly sessionTimeoutMs?: number
  /** @default 2000 */
  readonly heartbeatIntervalMs?: number
  /** How long a settled record may wait to be committed. @default 250 */
  readonly commitIntervalMs?: number
  /** `earliest`: new groups begin there where they are not told otherwise than `new`. @default 'latest' */
  readonly autoOffsetReset?: 'earliest' | 'latest'
}

export interface KafkaConnectionOptions {
  /** @default 'localhost' */
  readonly host?: string
  /** @default 9092 */
  readonly port?: number
  /** Brokers to ask first, each `host` or `host:port`; they take the place of `host` and `port`. @default [] */
  readonly hosts?: readonly string[]
  /** Where to reach a broker that calls itself so: through a tunnel, a port forward, a proxy. @default as it says */
  readonly translateAddress?: (broker: Endpoint) => Endpoint
  readonly username?: string
  readonly password?: string
  /** @default 'plain' where a user name is given */
  readonly saslMechanism?: 'plain' | 'scram-sha-256' | 'scram-sha-512' | 'oauthbearer'
  /** The bearer token, asked for whenever a connection is made. */
  readonly oauthToken?: () => string | Promise<string>
  /** Files are read before each connect, so that a renewed certificate needs no restart. */
  readonly ssl?: TlsOptions
  /** @default 'comm' */
  readonly clientId?: string
  /** Until a connection is usable, per broker. @default 10000 */
  readonly connectionTimeoutMs?: number
  readonly producerConfig?: KafkaProducerConfig
  readonly consumerConfig?: KafkaConsumerConfig
  /** Wait before each try to reconnect. @default exponentialBackoff({ baseMs: 100, maxMs: 2000 }) */
  readonly reconnect?: Backoff
  readonly logger?: Logger
  /** @default systemClock */
  readonly clock?: Clock
  /** Numbers from 0 up to but excluding 1. @default Math.random */
  readonly random?: () => number
}

/** What has no default, or one of its own. */
type Login = 'username' | 'password' | 'saslMechanism' | 'oauthToken' | 'ssl'
type Defaults = Readonly<Required<Omit<KafkaConnectionOptions, Login | 'producerConfig' | 'consumerConfig'>>>

export const KAFKA_CONNECTION_DEFAULTS: Defaults = Object.freeze({
  host: 'localhost',
  port: 9092,
  hosts: Object.freeze([]),
  translateAddress: (broker: Endpoint) => broker,
  clientId: 'comm',
  connectionTimeoutMs: 10_000,
  reconnect: exponentialBackoff({ baseMs: 100, maxMs: 2000 }),
  logger: silentLogger,
  clock: systemClock,
  random: Math.random,
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
  fetchMaxWaitMs: 250,
  sessionTimeoutMs: 6000,
  heartbeatIntervalMs: 2000,
  commitIntervalMs: 250,
  autoOffsetReset: 'latest',
})

const count = number({ min: 1, integer: true })
const positiveMs = number({ min: 1 })

export const KAFKA_CONNECTION_RULES: Rules<KafkaConnectionOptions> = {
  host: nonEmptyText,
  port: number({ min: 1, max: 65_535, integer: true }),
  hosts: arrayOf(hostAndPort),
  translateAddress: callable,
  username: text,
  password: secret(text),
  saslMechanism: oneOf('plain', 'scram-sha-256', 'scram-sha-512', 'oauthbearer'),
  oauthToken: callable,
  ssl: object,
  clientId: nonEmptyText,
  connectionTimeoutMs: positiveMs,
  producerConfig: object,
  consumerConfig: object,
  reconnect: withMethods('a backoff such as exponentialBackoff() makes', 'delayMs'),
  logger: object,
  clock: withMethods('a Clock', 'now', 'wall', 'setTimer'),
  random: callable,
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
  fetchMaxWaitMs: positiveMs,
  sessionTimeoutMs: positiveMs,
  heartbeatIntervalMs: positiveMs,
  commitIntervalMs: number({ min: 0 }),
  autoOffsetReset: oneOf('earliest', 'latest'),
}

/** The options with every default in its place. */
export type ResolvedConnection = Omit<Defaults, 'host' | 'port' | 'hosts'> & {
  readonly [Name in Login]: KafkaConnectionOptions[Name] | undefined
} & {
  readonly servers: readonly Endpoint[]
  readonly producerConfig: typeof KAFKA_PRODUCER_DEFAULTS
  readonly consumerConfig: typeof KAFKA_CONSUMER_DEFAULTS & KafkaConsumerConfig
  /** As Kafka writes it: -1 is all. */
  readonly acks: -1 | 0 | 1
  readonly isIdempotent: boolean
}

const ACKS = { all: -1, '1': 1, '0': 0 } as const

/** @param options checked by `KAFKA_CONNECTION_RULES` already @throws ConfigurationError */
export function resolveConnection(options: KafkaConnectionOptions): ResolvedConnection {
  const { producerConfig: producer = {}, consumerConfig: consumer = {}, ssl, username, password, oauthToken } = options
  checkOptions<KafkaProducerConfig>('kafka.producerConfig', producer, PRODUCER_RULES)
  checkOptions<KafkaConsumerConfig>('kafka.consumerConfig', consumer, CONSUMER_RULES)
  if (ssl !== undefined) checkTls('kafka.ssl', ssl)
  const { host, port, hosts, ...others } = withDefaults<KafkaConnectionOptions, keyof Defaults>(
    KAFKA_CONNECTION_DEFAULTS,
    options,
  )
  const producerConfig = withDefaults(KAFKA_PRODUCER_DEFAULTS, producer)
  const consumerConfig = withDefaults(KAFKA_CONSUMER_DEFAULTS, consumer)
  if (consumerConfig.heartbeatIntervalMs >= consumerConfig.sessionTimeoutMs)
    throw new ConfigurationError('kafka.consumerConfig.heartbeatIntervalMs must be less than sessionTimeoutMs')
  const { saslMechanism = username === undefined ? undefined : 'plain' } = options
  if ((saslMechanism === 'oauthbearer') !== (oauthToken !== undefined))
    throw new ConfigurationError("kafka.oauthToken must be given with saslMechanism 'oauthbearer', and only then")
  if (saslMechanism !== undefined && saslMechanism !== 'oauthbearer' && username === undefined)
    throw new ConfigurationError(`kafka.username must be given with saslMechanism '${saslMechanism}', got nothing`)
  const acks = ACKS[producerConfig.acks]
  return Object.freeze({
    ...others,
    username,
    password,
    oauthToken,
    saslMechanism,
    ssl: ssl?.enabled === false ? undefined : ssl,
    servers: hosts.length === 0 ? [{ host, port }] : hosts.map((each) => parseEndpoint(each, port) ?? { host: each, port }),
    producerConfig,
    consumerConfig,
    acks,
    isIdempotent: producerConfig.idempotent && acks === ACKS.all,
  })
}
