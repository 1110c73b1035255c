export {
  KAFKA_CONSUMER_DEFAULTS,
  KAFKA_PRODUCER_DEFAULTS,
  type KafkaConnectionOptions,
  type KafkaConsumerConfig,
  type KafkaProducerConfig,
} from '@comm/kafka-driver'
export { KafkaAdapter } from './adapter.ts'
export { KafkaClient, type KafkaClientOptions } from './client.ts'
export { KAFKA_DEFAULTS, type KafkaAdapterOptions } from './options.ts'
