export { KafkaAdapter } from './adapter.ts'
export { KafkaClient, type KafkaClientOptions } from './client.ts'
export {
  KAFKA_CONSUMER_DEFAULTS,
  KAFKA_DEFAULTS,
  KAFKA_PRODUCER_DEFAULTS,
  type KafkaAdapterOptions,
  type KafkaConsumerConfig,
  type KafkaProducerConfig,
} from './options.ts'
