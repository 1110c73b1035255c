import { anything, callable, checkOptions, number, object, type Rules, withDefaults } from '@comm/core/options'
import {
  KAFKA_CONNECTION_DEFAULTS,
  KAFKA_CONNECTION_RULES,
  type KafkaConnectionOptions,
  type ResolvedConnection,
  resolveConnection,
} from '@comm/kafka-driver'

export interface KafkaAdapterOptions extends KafkaConnectionOptions {
  /** Of topics that are made. @default the broker's `num.partitions` */
  readonly partitions?: number
  /** @default the broker's `default.replication.factor` */
  readonly replicationFactor?: number
  /** Settings of topics that are made, such as `retention.ms`. @default {} */
  readonly topicConfig?: Readonly<Record<string, string>>
  /** Kafka's name for a group of ours. Members of one must have the same topics, so it differs for each topic. @default `<group>.<topic>` */
  readonly groupId?: (group: string, topic: string) => string
  /** Of the section that all brokers share; without meaning here: Kafka fetches by bytes. */
  readonly prefetchCount?: number
  /** Of the section that all brokers share; without meaning here: see `consumerConfig.heartbeatIntervalMs`. */
  readonly heartbeatMs?: number
}

type Own = 'topicConfig' | 'groupId'
type Optional = 'partitions' | 'replicationFactor'

const OWN_DEFAULTS: Readonly<Required<Pick<KafkaAdapterOptions, Own>>> = {
  topicConfig: Object.freeze({}),
  groupId: (group, topic) => `${group}.${topic}`,
}

export const KAFKA_DEFAULTS: typeof KAFKA_CONNECTION_DEFAULTS & typeof OWN_DEFAULTS = Object.freeze({
  ...KAFKA_CONNECTION_DEFAULTS,
  ...OWN_DEFAULTS,
})

const count = number({ min: 1, integer: true })

export const KAFKA_RULES: Rules<KafkaAdapterOptions> = {
  ...KAFKA_CONNECTION_RULES,
  partitions: count,
  replicationFactor: count,
  topicConfig: object,
  groupId: callable,
  prefetchCount: anything,
  heartbeatMs: anything,
}

export type ResolvedOptions = ResolvedConnection & typeof OWN_DEFAULTS & Pick<KafkaAdapterOptions, Optional>

/** @throws ConfigurationError */
export function resolveOptions(options: KafkaAdapterOptions): ResolvedOptions {
  checkOptions('kafka', options, KAFKA_RULES)
  return { ...withDefaults<KafkaAdapterOptions, Own>(OWN_DEFAULTS, options), ...resolveConnection(options) }
}
