import type { Health } from '@comm/core'
import type {
  BrokerAdapter,
  BrokerFeatures,
  Delivery,
  OutboundRecord,
  PublishResult,
  SubscribeRequest,
  Subscription,
} from '@comm/messaging'
import { checkSubscribe, Subscriptions } from '@comm/messaging/adapter'
import type { RedisConnection, RedisLink } from '@comm/redis-stores/connection'
import type { Consume, RedisConsumer } from './consumer.ts'
import { checkNames, errors } from './errors.ts'
import { type Dispatch, Publisher } from './publisher.ts'

/** One connection, and the subscriptions that share its fate. */
export class RedisAdapter implements BrokerAdapter {
  readonly system = 'redis'
  readonly features: BrokerFeatures
  readonly #connection: RedisConnection
  readonly #publisher: Publisher
  readonly #consume: Consume
  readonly #subscriptions: Subscriptions<RedisLink, RedisConsumer>

  constructor(connection: RedisConnection, features: BrokerFeatures, dispatch: Dispatch, consume: Consume) {
    this.features = features
    this.#connection = connection
    this.#publisher = new Publisher(connection, features, dispatch)
    this.#consume = consume
    this.#subscriptions = new Subscriptions({
      ...connection.options,
      link: () => connection.link,
      closed: () => errors.closed('the subscription'),
    })
    connection.watch({
      onLost: (reason) => this.#subscriptions.lose(reason),
      onRestored: () => this.#subscriptions.resume(),
    })
  }

  connect(signal: AbortSignal): Promise<void> {
    return this.#connection.connect(signal)
  }

  async publish(records: readonly OutboundRecord[], signal: AbortSignal): Promise<readonly PublishResult[]> {
    if (this.#connection.isClosed) throw errors.closed()
    return this.#publisher.publish(records, signal)
  }

  async subscribe(request: SubscribeRequest, onDelivery: (delivery: Delivery) => void): Promise<Subscription> {
    checkSubscribe(request, onDelivery, 'Redis', this.features)
    checkNames(request.topics, request.group)
    const current = this.#connection.require(`subscribe to ${request.topics.join(', ')}`)
    const { clock } = this.#connection.options
    const make = this.#consume(request)
    return this.#subscriptions.begin(request, current, (link, onLost) => make({ request, onDelivery, link, onLost, clock }))
  }

  async health(): Promise<Health> {
    const health = await this.#connection.health()
    const { trouble } = this.#subscriptions
    return health.status === 'up' && trouble !== undefined ? { status: 'degraded', reason: trouble } : health
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#subscriptions.end(errors.closed())
    await this.#connection[Symbol.asyncDispose]()
  }
}
