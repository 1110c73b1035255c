export {
  REDIS_STREAMS_DEFAULTS,
  type RedisAdapterOptions,
  type RedisStreamsAdapterOptions,
} from './options.ts'
export { RedisStreamsAdapter } from './streams/adapter.ts'
export { RedisStreamsClient, type RedisStreamsClientOptions } from './streams-client.ts'
