import type { Schema } from '../schema/setting.ts'
import { SSL, type SslConfig } from './ssl.ts'

/** For Kafka, whose names these are. What is absent is the adapter's choice. */
export interface ProducerConfig {
  /** Bytes collected for one partition before they are sent. */
  readonly batchSizeBytes?: number
  /** How long a batch waits to fill. */
  readonly lingerMs?: number
  readonly compressionType?: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
  /** Replicas that must have a record before it counts as stored. */
  readonly acks?: '0' | '1' | 'all'
  readonly requestTimeoutMs?: number
}

/** For Kafka, whose names these are. What is absent is the adapter's choice. */
export interface ConsumerConfig {
  readonly groupId?: string
  /** Records taken by one fetch. */
  readonly maxPollRecords?: number
  /** The server waits until it has so much to answer with … */
  readonly fetchMinBytes?: number
  readonly fetchMaxBytes?: number
  /** … or for so long. */
  readonly fetchMaxWaitMs?: number
  readonly sessionTimeoutMs?: number
  readonly heartbeatIntervalMs?: number
  /** Where a group without a position starts. */
  readonly autoOffsetReset?: 'earliest' | 'latest'
}

export interface MessageBrokerConfig {
  /** @default 'memory' */
  readonly type: 'rabbitmq' | 'kafka' | 'redis' | 'redis-streams' | 'memory'
  /** @default 'localhost' */
  readonly host: string
  /** Absent: the usual one of the type. */
  readonly port?: number
  /** Several servers, each `host` or `host:port`; they take the place of `host` and `port`. @default [] */
  readonly hosts: readonly string[]
  readonly username?: string
  readonly password?: string
  /** RabbitMQ. @default '/' */
  readonly virtualHost: string
  /** Redis. @default 0 */
  readonly database: number
  /** The name under which the broker shows this client. */
  readonly clientId?: string
  /** Kafka. */
  readonly saslMechanism?: 'plain' | 'scram-sha-256' | 'scram-sha-512'
  readonly ssl: SslConfig
  /** Messages handed to one consumer and not yet settled. @default 10 */
  readonly prefetchCount: number
  /** Wait until the broker has the message. @default true */
  readonly confirmDelivery: boolean
  /** @default 10000 */
  readonly connectionTimeoutMs: number
  /** How often a silent connection is probed. @default 5000 */
  readonly heartbeatMs: number
  readonly producerConfig: ProducerConfig
  readonly consumerConfig: ConsumerConfig
}

const PRODUCER: Schema<ProducerConfig> = {
  batchSizeBytes: { kind: 'size', doc: 'Kafka: bytes collected for one partition before they are sent.' },
  lingerMs: { kind: 'duration', doc: 'Kafka: how long a batch waits to fill.' },
  compressionType: { kind: 'choice', of: ['none', 'gzip', 'snappy', 'lz4', 'zstd'], doc: 'Kafka: compression of batches.' },
  acks: { kind: 'choice', of: ['0', '1', 'all'], doc: 'Kafka: replicas that must have a record before it counts as stored.' },
  requestTimeoutMs: { kind: 'duration', min: 1, doc: 'Kafka: how long a produce request may last.' },
}

const CONSUMER: Schema<ConsumerConfig> = {
  groupId: { kind: 'text', doc: 'Kafka: the consumer group, where a subscription names none.' },
  maxPollRecords: { kind: 'number', min: 1, integer: true, doc: 'Kafka: records taken by one fetch.' },
  fetchMinBytes: { kind: 'size', doc: 'Kafka: the server waits until it has so much to answer with.' },
  fetchMaxBytes: { kind: 'size', min: 1, doc: 'Kafka: the largest answer to one fetch.' },
  fetchMaxWaitMs: { kind: 'duration', doc: 'Kafka: the longest wait for `fetch_min_bytes`.' },
  sessionTimeoutMs: { kind: 'duration', min: 1, doc: 'Kafka: silence after which a consumer is dropped from its group.' },
  heartbeatIntervalMs: { kind: 'duration', min: 1, doc: 'Kafka: time between heartbeats to the group coordinator.' },
  autoOffsetReset: { kind: 'choice', of: ['earliest', 'latest'], doc: 'Kafka: where a group without a position starts.' },
}

export const MESSAGE_BROKER: Schema<MessageBrokerConfig> = {
  type: {
    kind: 'choice',
    of: ['rabbitmq', 'kafka', 'redis', 'redis-streams', 'memory'],
    default: 'memory',
    doc: '`redis` is Pub/Sub (at most once), `redis-streams` is durable.',
  },
  host: { kind: 'text', default: 'localhost', doc: 'Name or address of the server.' },
  port: { kind: 'number', min: 1, max: 65_535, integer: true, doc: 'Absent: the usual one of the type.' },
  hosts: {
    kind: 'list',
    each: { kind: 'text' },
    default: [],
    doc: 'Several servers, each `host` or `host:port`; they take the place of `host` and `port`.',
  },
  username: { kind: 'text', doc: 'Who connects.' },
  password: { kind: 'text', secret: true, doc: 'Proves who connects.' },
  virtualHost: { kind: 'text', default: '/', doc: 'RabbitMQ: the virtual host.' },
  database: { kind: 'number', min: 0, integer: true, default: 0, doc: 'Redis: the number of the database.' },
  clientId: { kind: 'text', doc: 'The name under which the broker shows this client.' },
  saslMechanism: {
    kind: 'choice',
    of: ['plain', 'scram-sha-256', 'scram-sha-512'],
    doc: 'Kafka: how the password is presented.',
  },
  ssl: SSL,
  prefetchCount: {
    kind: 'number',
    min: 1,
    integer: true,
    default: 10,
    doc: 'Messages handed to one consumer and not yet settled.',
  },
  confirmDelivery: { kind: 'flag', default: true, doc: 'Wait until the broker has the message.' },
  connectionTimeoutMs: { kind: 'duration', min: 1, default: 10_000, doc: 'Until a connection is usable.' },
  heartbeatMs: { kind: 'duration', default: 5000, doc: 'How often a silent connection is probed.' },
  producerConfig: PRODUCER,
  consumerConfig: CONSUMER,
}
