import type { Health } from '@comm/core'
import type { BrokerFeatures } from '@comm/messaging'
import { connectionOptions, RedisConnection } from '@comm/redis-stores/connection'
import { RedisAdapter } from '../adapter.ts'
import { type RedisPubSubAdapterOptions, type ResolvedPubSub, resolvePubSub } from '../options.ts'
import { Publisher } from '../publisher.ts'
import { channelConsumers } from './consumer.ts'
import { channelDispatch } from './dispatch.ts'

/**
 * Redis Pub/Sub: every subscriber that is connected gets a copy, at most once. What is published while a subscriber is away, or waits
 * unsettled when it dies, is lost to it.
 */
export class RedisPubSubAdapter extends RedisAdapter {
  readonly #drops: { count: number }

  /** @throws ConfigurationError */
  constructor(given: RedisPubSubAdapterOptions = {}) {
    const options = resolvePubSub(given)
    const connection = new RedisConnection(connectionOptions(given))
    const features = featuresOf(options)
    const drops = { count: 0 }
    super({
      connection,
      features,
      publisher: new Publisher(connection, features, options.confirmDelivery, channelDispatch(options)),
      consume: (request, onDelivery) => channelConsumers(connection, options, request, onDelivery, drops),
    })
    this.#drops = drops
  }

  override async health(): Promise<Health> {
    const health = await super.health()
    return this.#drops.count === 0 ? health : { ...health, details: { dropped: this.#drops.count } }
  }
}

function featuresOf({ maxBodyBytes, confirmDelivery, sharded, topology }: ResolvedPubSub): BrokerFeatures {
  return Object.freeze({
    ordering: 'none',
    durable: false,
    groups: false,
    patterns: !sharded,
    delay: false,
    priority: false,
    countsRedeliveries: false,
    headers: false,
    replay: false,
    // A node of a Cluster counts its own subscribers only, unless the channel has its place there.
    detectsUnroutable: confirmDelivery && (sharded || topology !== 'cluster'),
    maxBodyBytes,
  })
}
