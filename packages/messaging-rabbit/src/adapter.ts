import { type Health, UP } from '@comm/core'
import { checkArgument } from '@comm/core/options'
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
import { allRefused, checkSubscribe, matchesTopic, NO_FEATURES, Subscriptions, withinLimit } from '@comm/messaging/adapter'
import { RabbitAdmin } from './admin.ts'
import { Connection } from './connection.ts'
import { Consumer } from './consumer.ts'
import { declareBase } from './declare.ts'
import { errors } from './errors.ts'
import type { Link } from './link.ts'
import { fitsName, groupKey, hasWildcard, queueOf } from './names.ts'
import { type RabbitMQAdapterOptions, type ResolvedOptions, resolveOptions } from './options.ts'
import { Publisher } from './publisher.ts'

const HEALTH_LIMIT_MS = 2000

/**
 * RabbitMQ, over two connections: one publishes, one consumes, because RabbitMQ stops reading from a connection that publishes while it is
 * short of memory or disk, and acknowledgements must get through then.
 */
export class RabbitMQAdapter implements BrokerAdapter {
  readonly system = 'rabbitmq'
  readonly features: BrokerFeatures
  readonly admin: Required<BrokerAdmin>
  readonly #options: ResolvedOptions
  readonly #publishing: Connection
  readonly #consuming: Connection
  readonly #publisher: Publisher
  readonly #subscriptions: Subscriptions<Link, Consumer>
  #connecting: Promise<void> | undefined
  #closing: Promise<void> | undefined

  /** @throws ConfigurationError */
  constructor(options: RabbitMQAdapterOptions = {}) {
    const resolved = resolveOptions(options)
    this.#options = resolved
    this.features = featuresOf(resolved)
    const onUp = (link: Link): Promise<void> => declareBase(link, resolved)
    this.#publishing = new Connection('publishing', resolved, { onUp })
    this.#consuming = new Connection('consuming', resolved, {
      onUp,
      onReady: () => this.#subscriptions.resume(),
      onDown: (reason) => this.#subscriptions.lose(reason),
    })
    this.#publisher = new Publisher(this.#publishing, resolved, (topic, group) => this.#isSubscribed(topic, group))
    this.#subscriptions = new Subscriptions({
      link: () => this.#consuming.link,
      // A queue that is not there, or otherwise than wanted, may be on a node that is down for a while.
      isFinal: ({ code, retryable }) => code === 'COMM_AUTHORIZATION' || (code === 'COMM_CONSUME' && !retryable),
      closed: () => errors.closed('the subscription'),
      clock: resolved.clock,
      logger: resolved.logger,
      random: resolved.random,
    })
    this.admin = new RabbitAdmin({
      link: (what) => this.#linked(what),
      unsettledHere: (queue) => {
        return [...this.#subscriptions].reduce((sum, { consumer }) => sum + (consumer?.unsettled(queue) ?? 0), 0)
      },
    })
  }

  async connect(signal: AbortSignal): Promise<void> {
    this.#checkOpen()
    this.#connecting ??= this.#connect(signal).catch((thrown: unknown) => {
      this.#connecting = undefined
      throw thrown
    })
    await this.#connecting
    this.#checkOpen()
  }

  /** Both or none. */
  async #connect(signal: AbortSignal): Promise<void> {
    const both = [this.#publishing, this.#consuming]
    const attempts = both.map((connection) => connection.connect(signal))
    try {
      await Promise.all(attempts)
    } catch (thrown) {
      await Promise.all(both.map((connection) => connection.close()))
      await Promise.allSettled(attempts)
      throw thrown
    }
  }

  async publish(records: readonly OutboundRecord[], signal: AbortSignal): Promise<readonly PublishResult[]> {
    this.#checkOpen()
    const { link, lastError } = this.#consuming
    // Connected is one thing to users: both connections are there, or none.
    return link ? this.#publisher.publish(records, signal) : allRefused(records, errors.notConnected('publish', lastError))
  }

  async subscribe(request: SubscribeRequest, onDelivery: (delivery: Delivery) => void): Promise<Subscription> {
    checkSubscribe(request, onDelivery, 'RabbitMQ', this.features)
    checkNames(request)
    const link = this.#linked(`subscribe to ${request.topics.join(', ')}`)
    try {
      return await this.#subscriptions.begin(request, link, (link, onLost) => {
        return new Consumer({ options: this.#options, link, request, onDelivery, onLost })
      })
    } catch (error) {
      this.#checkOpen()
      throw error
    }
  }

  async health(): Promise<Health> {
    if (this.#closing !== undefined) return { status: 'down', reason: errors.closed().message }
    const { blocked } = this.#publishing
    // RabbitMQ reads nothing from a connection that it blocks, so it could not answer there.
    const probed = blocked === undefined ? [this.#publishing, this.#consuming] : [this.#consuming]
    const reason = (await Promise.all(probed.map((connection) => this.#probe(connection)))).find((each) => each !== undefined)
    if (reason !== undefined) return { status: 'down', reason }
    const trouble = blocked === undefined ? this.#subscriptions.trouble : `RabbitMQ takes no publishes: ${blocked}`
    return trouble === undefined ? UP : { status: 'degraded', reason: trouble }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.#subscriptions.end(errors.closed())
    await Promise.all([this.#publishing.close(), this.#consuming.close()])
  }

  /** @returns why RabbitMQ does not answer over this connection */
  async #probe({ link, lastError }: Connection): Promise<string | undefined> {
    if (link === undefined) return errors.notConnected('use it', lastError).message
    const answer = link.onChannel(async () => '').catch((thrown: Error) => `RabbitMQ did not answer: ${thrown.message}`)
    const reason = await withinLimit(this.#options.clock, HEALTH_LIMIT_MS, answer)
    return reason === undefined ? `RabbitMQ did not answer within ${HEALTH_LIMIT_MS} ms` : reason || undefined
  }

  #isSubscribed(topic: string, group: string): boolean {
    return [...this.#subscriptions].some(({ request }) => {
      return (
        request.group === group && request.topics.some((each) => (request.pattern ? matchesTopic(each, topic) : each === topic))
      )
    })
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw errors.closed()
  }

  #linked(what: string): Link {
    this.#checkOpen()
    const { link, lastError } = this.#consuming
    if (link === undefined) throw errors.notConnected(what, lastError)
    if (this.#publishing.link === undefined) throw errors.notConnected(what, this.#publishing.lastError)
    return link
  }
}

function featuresOf({ queueType, confirmDelivery, maxPriority, maxBodyBytes }: ResolvedOptions): BrokerFeatures {
  return Object.freeze({
    ...NO_FEATURES,
    ordering: 'consumer',
    durable: true,
    groups: true,
    patterns: true,
    delay: true,
    priority: maxPriority !== undefined,
    countsRedeliveries: queueType === 'quorum',
    headers: true,
    detectsUnroutable: confirmDelivery,
    maxBodyBytes,
  })
}

/** @throws ConfigurationError */
function checkNames({ topics, pattern, group }: SubscribeRequest): void {
  for (const topic of topics) {
    checkArgument('topic', topic, {
      expected: 'without the words * and #, unless pattern is true',
      accepts: () => pattern || !hasWildcard(topic),
    })
    const longest = group === undefined ? topic : queueOf(topic, groupKey(group, ''))
    checkArgument('topic and group', longest, {
      expected: 'short enough for an AMQP name, 255 bytes',
      accepts: () => fitsName(longest),
    })
  }
}
