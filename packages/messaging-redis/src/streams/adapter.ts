import type { Health } from '@comm/core'
import { callable, checkArgument } from '@comm/core/options'
import type {
  BrokerAdapter,
  BrokerAdmin,
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
import { connectionOptions, type RedisStreamsAdapterOptions, type ResolvedStreams, resolveStreams } from '../options.ts'
import { StreamsAdmin } from './admin.ts'
import { StreamPublisher } from './publisher.ts'
import { StreamSubscription } from './subscription.ts'
import { Trimmer } from './trimmer.ts'

/** Redis Streams: durable, groups, delays, replay. */
export class RedisStreamsAdapter implements BrokerAdapter {
  readonly system = 'redis'
  readonly features: BrokerFeatures
  readonly admin: Required<BrokerAdmin>
  readonly #options: ResolvedStreams
  readonly #connection: RedisConnection
  readonly #publisher: StreamPublisher
  readonly #trimmer: Trimmer
  readonly #subscriptions = new Set<StreamSubscription>()
  #isClosed = false

  /** @throws ConfigurationError */
  constructor(options: RedisStreamsAdapterOptions = {}) {
    this.#options = resolveStreams(options)
    this.#connection = new RedisConnection(connectionOptions(options))
    this.#trimmer = new Trimmer(this.#connection, this.#options.keyPrefix, this.#options.retainedRecords)
    this.#publisher = new StreamPublisher(this.#connection, this.#options, this.#trimmer)
    this.features = featuresOf(this.#options)
    this.admin = new StreamsAdmin(this.#connection, this.#options.keyPrefix)
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
    if (this.#isClosed) throw closedError('the Redis Streams adapter')
    return this.#publisher.publish(records, signal)
  }

  async subscribe(request: SubscribeRequest, onDelivery: (delivery: Delivery) => void): Promise<Subscription> {
    checkRequest(request)
    checkArgument('onDelivery', onDelivery, callable)
    const what = `subscribe to ${request.topics.join(', ')}`
    const link = this.#connection.require(what)
    if (request.pattern)
      throw unsupported(`cannot ${what}: Redis Streams have no patterns. Name the topics, or use Redis Pub/Sub`)
    const subscription = new StreamSubscription(this.#connection, this.#options, this.#trimmer, request, onDelivery)
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

  health(): Promise<Health> {
    return this.#connection.health()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    await Promise.all([...this.#subscriptions].map((subscription) => subscription[Symbol.asyncDispose]()))
    await this.#connection[Symbol.asyncDispose]()
  }
}

function featuresOf({ maxBodyBytes, confirmDelivery }: ResolvedStreams): BrokerFeatures {
  return Object.freeze({
    ordering: 'consumer',
    durable: true,
    groups: true,
    patterns: false,
    delay: true,
    priority: false,
    countsRedeliveries: true,
    headers: true,
    replay: true,
    detectsUnroutable: confirmDelivery,
    keepsKeyOrderInBatch: true,
    maxBodyBytes,
  })
}
