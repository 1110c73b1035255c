export {
  REDIS_PUBSUB_DEFAULTS,
  REDIS_STREAMS_DEFAULTS,
  type RedisAdapterOptions,
  type RedisPubSubAdapterOptions,
  type RedisStreamsAdapterOptions,
} from './options.ts'
export { RedisPubSubAdapter } from './pubsub/adapter.ts'
export { RedisPubSubClient, type RedisPubSubClientOptions } from './pubsub-client.ts'
export { RedisStreamsAdapter } from './streams/adapter.ts'
export { RedisStreamsClient, type RedisStreamsClientOptions } from './streams-client.ts'
