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
import { checkSubscribe, type LinkConsumer, type ReopeningParts, Subscriptions } from '@comm/messaging/adapter'
import type { RedisConnection, RedisLink } from '@comm/redis-stores/connection'
import { checkNames, errors } from './errors.ts'
import type { Publisher } from './publisher.ts'

export type OnDelivery = (delivery: Delivery) => void
export type MakeConsumer = ReopeningParts<RedisLink, LinkConsumer>['makeConsumer']

/** What both ways of sending messages over Redis differ in. */
export interface RedisAdapterParts {
  readonly connection: RedisConnection
  readonly features: BrokerFeatures
  readonly publisher: Publisher
  /** @returns what makes a consumer for each connection */
  readonly consume: (request: SubscribeRequest, onDelivery: OnDelivery) => MakeConsumer
}

/** One connection, and the subscriptions that share its fate. */
export class RedisAdapter implements BrokerAdapter {
  readonly system = 'redis'
  readonly features: BrokerFeatures
  readonly #parts: RedisAdapterParts
  readonly #subscriptions: Subscriptions<RedisLink, LinkConsumer>

  constructor(parts: RedisAdapterParts) {
    const { connection, features } = parts
    this.features = features
    this.#parts = parts
    const { clock, logger, random } = connection.options
    const closed = (): ReturnType<typeof errors.closed> => errors.closed('the subscription')
    this.#subscriptions = new Subscriptions({ link: () => connection.link, closed, clock, logger, random })
    connection.watch({
      onLost: (reason) => this.#subscriptions.lose(reason),
      onRestored: () => this.#subscriptions.resume(),
    })
  }

  connect(signal: AbortSignal): Promise<void> {
    return this.#parts.connection.connect(signal)
  }

  async publish(records: readonly OutboundRecord[], signal: AbortSignal): Promise<readonly PublishResult[]> {
    if (this.#parts.connection.isClosed) throw errors.closed()
    return this.#parts.publisher.publish(records, signal)
  }

  async subscribe(request: SubscribeRequest, onDelivery: OnDelivery): Promise<Subscription> {
    checkSubscribe(request, onDelivery, 'Redis', this.features)
    checkNames(request.topics, request.group)
    const link = this.#parts.connection.require(`subscribe to ${request.topics.join(', ')}`)
    return this.#subscriptions.begin(request, link, this.#parts.consume(request, onDelivery))
  }

  async health(): Promise<Health> {
    const health = await this.#parts.connection.health()
    const { trouble } = this.#subscriptions
    return health.status === 'up' && trouble !== undefined ? { status: 'degraded', reason: trouble } : health
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#subscriptions.end(errors.closed())
    await this.#parts.connection[Symbol.asyncDispose]()
  }
}
