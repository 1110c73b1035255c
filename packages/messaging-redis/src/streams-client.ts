import { MessageClient, type MessageClientOptions } from '@comm/messaging'
import { type RedisStreamsAdapterOptions, splitOptions } from './options.ts'
import { RedisStreamsAdapter } from './streams/adapter.ts'

export interface RedisStreamsClientOptions extends MessageClientOptions, RedisStreamsAdapterOptions {}

/** A message client over Redis Streams: durable, with groups, delayed retries and replay. */
export class RedisStreamsClient extends MessageClient {
  /** @throws ConfigurationError */
  constructor(options: RedisStreamsClientOptions = {}) {
    const { adapter, client } = splitOptions<RedisStreamsAdapterOptions>(options)
    super(new RedisStreamsAdapter(adapter), client)
  }
}
