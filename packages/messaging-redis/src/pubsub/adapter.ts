import type { Health } from '@comm/core'
import { NO_FEATURES } from '@comm/messaging/adapter'
import { connectionOptions, RedisConnection } from '@comm/redis-stores/connection'
import { RedisAdapter } from '../adapter.ts'
import { type RedisPubSubAdapterOptions, resolvePubSub } from '../options.ts'
import { ChannelConsumer } from './consumer.ts'
import { channelDispatch } from './dispatch.ts'

/**
 * Redis Pub/Sub: every subscriber that is connected gets a copy, at most once. What is published while a subscriber is away, or waits
 * unsettled when it dies, is lost to it.
 */
export class RedisPubSubAdapter extends RedisAdapter {
  readonly #countDropped: () => number

  /** @throws ConfigurationError */
  constructor(given: RedisPubSubAdapterOptions = {}) {
    const options = resolvePubSub(given)
    const connection = new RedisConnection(connectionOptions(given))
    let dropped = 0
    const drop = (topic: string): void => {
      if (dropped++ > 0) return
      connection.options.logger.warn(`messages of ${topic} are dropped: its handlers are too slow for maxQueuedRecords`)
    }
    const { sharded, topology, confirmDelivery, maxBodyBytes } = options
    // A node of a Cluster counts its own subscribers only, unless the channel has its place there.
    const detectsUnroutable = confirmDelivery && (sharded || topology !== 'cluster')
    const features = { ...NO_FEATURES, patterns: !sharded, detectsUnroutable, maxBodyBytes }
    super(connection, features, channelDispatch(options), () => (parts) => new ChannelConsumer(parts, options, drop))
    this.#countDropped = () => dropped
  }

  override async health(): Promise<Health> {
    const health = await super.health()
    const dropped = this.#countDropped()
    return dropped === 0 ? health : { ...health, details: { dropped } }
  }
}
