import { MessageClient, type MessageClientOptions } from '@comm/messaging'
import { type RedisPubSubAdapterOptions, splitOptions } from './options.ts'
import { RedisPubSubAdapter } from './pubsub/adapter.ts'

export interface RedisPubSubClientOptions extends MessageClientOptions, RedisPubSubAdapterOptions {}

/** A message client over Redis Pub/Sub: a copy to everybody who listens, at most once. */
export class RedisPubSubClient extends MessageClient {
  /** @throws ConfigurationError */
  constructor(options: RedisPubSubClientOptions = {}) {
    const { adapter, client } = splitOptions<RedisPubSubAdapterOptions>(options)
    super(new RedisPubSubAdapter(adapter), client)
  }
}
