import { type CommunicationError, type Health, UP } from '@comm/core'
import {
  arrayOf,
  boolean,
  callable,
  checkArgument,
  checkOptions,
  nonEmptyText,
  number,
  object,
  oneOf,
  required,
} from '@comm/core/options'
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
import { RabbitAdmin } from './admin.ts'
import { Connection, type Link, onChannel } from './connection.ts'
import { declareBase } from './declare.ts'
import { abortedError, closedError, notConnectedError, unsupportedError } from './errors.ts'
import { withinLimit } from './limit.ts'
import { fitsName, groupKey, hasWildcard, matchesTopic, queueOf } from './names.ts'
import { type RabbitMQAdapterOptions, type ResolvedOptions, resolveOptions } from './options.ts'
import { Publisher } from './publisher.ts'
import { Subscriber } from './subscriber.ts'

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
  readonly #subscribers = new Set<Subscriber>()
  #connecting: Promise<void> | undefined
  #closing: Promise<void> | undefined

  /** @throws ConfigurationError */
  constructor(options: RabbitMQAdapterOptions = {}) {
    const resolved = resolveOptions(options)
    this.#options = resolved
    this.features = featuresOf(resolved)
    const onUp = (link: Link): Promise<void> => declareBase(link, resolved)
    this.#publishing = new Connection('publishing', resolved, { onUp, onReady: ignore, onDown: ignore })
    this.#consuming = new Connection('consuming', resolved, {
      onUp,
      onReady: () => this.#resume(),
      onDown: (reason) => this.#lose(reason),
    })
    this.#publisher = new Publisher(this.#publishing, resolved, (topic, group) => this.#isSubscribed(topic, group))
    this.admin = new RabbitAdmin({
      link: (what) => this.#linked(what),
      unsettledHere: (queue) => [...this.#subscribers].reduce((sum, subscriber) => sum + subscriber.unsettled(queue), 0),
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

  async #connect(signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw abortedError('connecting to', signal)
    const both = [this.#publishing, this.#consuming]
    let failure: unknown
    const attempts = both.map(async (connection) => {
      try {
        await connection.connect(signal)
      } catch (thrown) {
        failure ??= thrown
        await Promise.all(both.map((each) => each.close()))
      }
    })
    await Promise.all(attempts)
    if (failure !== undefined) throw failure
  }

  async publish(records: readonly OutboundRecord[], signal: AbortSignal): Promise<readonly PublishResult[]> {
    this.#checkOpen()
    const { link, lastError } = this.#consuming
    // Connected is one thing to users: both connections are there, or none.
    return this.#publisher.publish(records, signal, link === undefined ? notConnectedError('publish', lastError) : undefined)
  }

  async subscribe(request: SubscribeRequest, onDelivery: (delivery: Delivery) => void): Promise<Subscription> {
    checkRequest(request)
    checkArgument('onDelivery', onDelivery, callable)
    const link = this.#linked(`subscribe to ${request.topics.join(', ')}`)
    const parts = {
      options: this.#options,
      link: () => this.#consuming.link,
      onOver: (over: Subscriber) => this.#subscribers.delete(over),
    }
    const subscriber = new Subscriber(parts, request, onDelivery)
    this.#subscribers.add(subscriber)
    try {
      await subscriber.open(link)
    } catch (error) {
      await subscriber[Symbol.asyncDispose]()
      this.#checkOpen()
      throw error
    }
    return subscriber
  }

  async health(): Promise<Health> {
    if (this.#closing !== undefined) return { status: 'down', reason: closedError('the adapter').message }
    const { blocked } = this.#publishing
    // RabbitMQ reads nothing from a connection that it blocks, so it could not answer there.
    const probed = blocked === undefined ? [this.#publishing, this.#consuming] : [this.#consuming]
    const reasons = await Promise.all(probed.map((connection) => this.#probe(connection)))
    const reason = reasons.find((each) => each !== undefined)
    if (reason !== undefined) return { status: 'down', reason }
    if (blocked !== undefined) return { status: 'degraded', reason: `RabbitMQ takes no publishes: ${blocked}` }
    const trouble = [...this.#subscribers].map((subscriber) => subscriber.trouble).find((each) => each !== undefined)
    return trouble === undefined ? UP : { status: 'degraded', reason: trouble }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const closed = closedError('the adapter')
    await Promise.all([...this.#subscribers].map((subscriber) => subscriber.end(undefined, closed)))
    await Promise.all([this.#publishing.close(), this.#consuming.close()])
  }

  /** @returns why RabbitMQ does not answer over this connection */
  async #probe({ link, lastError }: Connection): Promise<string | undefined> {
    if (link === undefined) return notConnectedError('use it', lastError).message
    const answer = await withinLimit(
      this.#options.clock,
      HEALTH_LIMIT_MS,
      onChannel(link, async () => 'answered').catch((thrown: unknown) => `RabbitMQ did not answer: ${(thrown as Error).message}`),
    )
    if (answer === undefined) return `RabbitMQ did not answer within ${HEALTH_LIMIT_MS} ms`
    return answer === 'answered' ? undefined : answer
  }

  #resume(): void {
    for (const subscriber of this.#subscribers) subscriber.resume()
  }

  #lose(reason: CommunicationError): void {
    for (const subscriber of this.#subscribers) subscriber.lose(reason)
  }

  #isSubscribed(topic: string, group: string): boolean {
    for (const { request } of this.#subscribers) {
      if (request.group !== group) continue
      if (request.topics.some((each) => (request.pattern ? matchesTopic(each, topic) : each === topic))) return true
    }
    return false
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw closedError('the adapter')
  }

  #linked(what: string): Link {
    this.#checkOpen()
    const { link } = this.#consuming
    const broken = [this.#consuming, this.#publishing].find((connection) => connection.link === undefined)
    if (link === undefined || broken !== undefined) throw notConnectedError(what, broken?.lastError)
    return link
  }
}

function ignore(): void {}

function featuresOf({ queueType, confirmDelivery, maxPriority, maxBodyBytes }: ResolvedOptions): BrokerFeatures {
  return Object.freeze({
    ordering: 'consumer',
    durable: true,
    groups: true,
    patterns: true,
    delay: true,
    priority: maxPriority !== undefined,
    countsRedeliveries: queueType === 'quorum',
    headers: true,
    replay: false,
    detectsUnroutable: confirmDelivery,
    maxBodyBytes,
  })
}

const isTimestamp = {
  expected: '{ timestamp: number }',
  accepts: (value: unknown) => object.accepts(value) && Number.isFinite((value as { timestamp?: unknown }).timestamp),
}

/** @throws ConfigurationError; CommunicationError COMM_UNSUPPORTED */
function checkRequest(request: SubscribeRequest): void {
  checkOptions('subscribe', request, {
    topics: required({
      expected: 'a non-empty array of topics',
      accepts: (value) => arrayOf(nonEmptyText).accepts(value) && (value as unknown[]).length > 0,
    }),
    pattern: boolean,
    group: nonEmptyText,
    maxUnsettled: required(number({ min: 1, integer: true, infinite: true })),
    lanes: required(oneOf('key', 'source', 'none')),
    ordered: boolean,
    from: {
      expected: `'new', 'earliest' or ${isTimestamp.expected}`,
      accepts: (value) => value === 'new' || value === 'earliest' || isTimestamp.accepts(value),
    },
  })
  const { topics, pattern, group, from = 'new' } = request
  if (from !== 'new')
    throw unsupportedError(`cannot subscribe to ${topics.join(', ')} from the past: RabbitMQ keeps nothing for groups to come`)
  for (const topic of topics) {
    if (pattern !== true)
      checkArgument('topic', topic, {
        expected: 'without the words * and #, unless pattern is true',
        accepts: () => !hasWildcard(topic),
      })
    const longest = group === undefined ? topic : queueOf(topic, groupKey(group, ''))
    checkArgument('topic and group', longest, {
      expected: 'short enough for an AMQP name, 255 bytes',
      accepts: () => fitsName(longest),
    })
  }
}
