export {
  RedisPubSubClient,
  type RedisPubSubClientOptions,
  RedisStreamsClient,
  type RedisStreamsClientOptions,
} from './clients.ts'
export {
  REDIS_PUBSUB_DEFAULTS,
  REDIS_STREAMS_DEFAULTS,
  type RedisAdapterOptions,
  type RedisPubSubAdapterOptions,
  type RedisStreamsAdapterOptions,
} from './options.ts'
export { RedisPubSubAdapter } from './pubsub/adapter.ts'
export { RedisStreamsAdapter } from './streams/adapter.ts'
