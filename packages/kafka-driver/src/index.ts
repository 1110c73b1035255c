export { commitFor } from './commit-for.ts'
export { Connection, type ConnectionOwner } from './connection.ts'
export type {
  Claims,
  IncomingBatch,
  IncomingMessage,
  KafkaDriver,
  KafkaLink,
  KafkaMember,
  MemberEvents,
  NewTopic,
  OutgoingBatch,
  OutgoingMessage,
  PartitionRange,
  Peeked,
  Position,
  ProduceFailure,
  TopicPartition,
} from './driver.ts'
export { kafkaErrors } from './errors.ts'
export { KafkaJsDriver } from './kafkajs-driver.ts'
export { OffsetTracker, type Tracked } from './offset-tracker.ts'
export {
  type Compression,
  KAFKA_CONNECTION_DEFAULTS,
  KAFKA_CONNECTION_RULES,
  KAFKA_CONSUMER_DEFAULTS,
  KAFKA_PRODUCER_DEFAULTS,
  type KafkaConnectionOptions,
  type KafkaConsumerConfig,
  type KafkaProducerConfig,
  type ResolvedConnection,
  resolveConnection,
} from './options.ts'
export { murmur2, partitionOfKey } from './partitioner.ts'
export { readRecords } from './read-records.ts'
export { countUnsettled, settleSome, type Unsettled, unsettledOf } from './unsettled.ts'
