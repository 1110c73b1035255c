import type { Health } from '@comm/core'
import { callable, checkArgument } from '@comm/core/options'
import type {
  BrokerAdapter,
  BrokerFeatures,
  Delivery,
  OutboundRecord,
  PublishResult,
  SubscribeRequest,
  Subscription,
} from '@comm/messaging'
import { RedisConnection } from '@comm/redis-stores/connection'
import { checkRequest } from '../check-request.ts'
import { closedError, unsupported } from '../errors.ts'
import { connectionOptions, type RedisPubSubAdapterOptions, type ResolvedPubSub, resolvePubSub } from '../options.ts'
import { ChannelPublisher } from './publisher.ts'
import { ChannelSubscription } from './subscription.ts'

/**
 * Redis Pub/Sub: every subscriber that is connected gets a copy, at most once. What is published while a subscriber is away, or waits
 * unsettled when it dies, is lost to it.
 */
export class RedisPubSubAdapter implements BrokerAdapter {
  readonly system = 'redis'
  readonly features: BrokerFeatures
  readonly #options: ResolvedPubSub
  readonly #connection: RedisConnection
  readonly #publisher: ChannelPublisher
  readonly #subscriptions = new Set<ChannelSubscription>()
  #isClosed = false

  /** @throws ConfigurationError */
  constructor(options: RedisPubSubAdapterOptions = {}) {
    this.#options = resolvePubSub(options)
    this.#connection = new RedisConnection(connectionOptions(options))
    this.features = featuresOf(this.#options)
    this.#publisher = new ChannelPublisher(this.#connection, this.#options, this.features.detectsUnroutable)
    this.#connection.watch({
      onLost: (reason) => {
        for (const subscription of this.#subscriptions) subscription.lose(reason)
      },
      onRestored: (link) => {
        for (const subscription of this.#subscriptions) subscription.restore(link)
      },
    })
  }

  connect(signal: AbortSignal): Promise<void> {
    return this.#connection.connect(signal)
  }

  async publish(records: readonly OutboundRecord[], signal: AbortSignal): Promise<readonly PublishResult[]> {
    if (this.#isClosed) throw closedError('the Redis Pub/Sub adapter')
    return this.#publisher.publish(records, signal)
  }

  async subscribe(request: SubscribeRequest, onDelivery: (delivery: Delivery) => void): Promise<Subscription> {
    checkRequest(request)
    checkArgument('onDelivery', onDelivery, callable)
    const what = `subscribe to ${request.topics.join(', ')}`
    const link = this.#connection.require(what)
    if (request.group !== undefined) throw unsupported(`cannot ${what}: Redis Pub/Sub has no groups. Use Redis Streams`)
    if (request.pattern && !this.features.patterns) throw unsupported(`cannot ${what}: sharded Pub/Sub has no patterns`)
    const subscription = new ChannelSubscription(this.#connection, this.#options, request, onDelivery)
    this.#subscriptions.add(subscription)
    void subscription.ended.then(() => this.#subscriptions.delete(subscription))
    try {
      await subscription.open(link)
    } catch (thrown) {
      await subscription[Symbol.asyncDispose]()
      throw thrown
    }
    return subscription
  }

  async health(): Promise<Health> {
    const health = await this.#connection.health()
    let dropped = 0
    for (const subscription of this.#subscriptions) dropped += subscription.dropped
    return dropped === 0 ? health : { ...health, details: { dropped } }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    await Promise.all([...this.#subscriptions].map((subscription) => subscription[Symbol.asyncDispose]()))
    await this.#connection[Symbol.asyncDispose]()
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
