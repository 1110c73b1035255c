import { MessageClient, type MessageClientOptions } from '@comm/messaging'
import { splitClientOptions } from '@comm/messaging/adapter'
import {
  REDIS_PUBSUB_RULES,
  REDIS_STREAMS_RULES,
  type RedisPubSubAdapterOptions,
  type RedisStreamsAdapterOptions,
} from './options.ts'
import { RedisPubSubAdapter } from './pubsub/adapter.ts'
import { RedisStreamsAdapter } from './streams/adapter.ts'

export interface RedisStreamsClientOptions extends MessageClientOptions, RedisStreamsAdapterOptions {}

/** A message client over Redis Streams: durable, with groups, delayed retries and replay. */
export class RedisStreamsClient extends MessageClient {
  /** @throws ConfigurationError */
  constructor(options: RedisStreamsClientOptions = {}) {
    const { adapter, client } = splitClientOptions<RedisStreamsAdapterOptions>('RedisStreams', options, REDIS_STREAMS_RULES)
    super(new RedisStreamsAdapter(adapter), client)
  }
}

export interface RedisPubSubClientOptions extends MessageClientOptions, RedisPubSubAdapterOptions {}

/** A message client over Redis Pub/Sub: a copy to everybody who listens, at most once. */
export class RedisPubSubClient extends MessageClient {
  /** @throws ConfigurationError */
  constructor(options: RedisPubSubClientOptions = {}) {
    const { adapter, client } = splitClientOptions<RedisPubSubAdapterOptions>('RedisPubSub', options, REDIS_PUBSUB_RULES)
    super(new RedisPubSubAdapter(adapter), client)
  }
}
