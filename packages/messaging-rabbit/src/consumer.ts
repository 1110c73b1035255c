import { type CommunicationError, ConnectionError, ConsumeError, sleep } from '@comm/core'
import type { Delivery, SubscribeRequest } from '@comm/messaging'
import { Intake } from '@comm/messaging/adapter'
import type { Channel, ConsumeMessage } from 'amqplib'
import { AckTracker } from './ack-tracker.ts'
import { CLOSE_LIMIT_MS, closeChannel, ignore, type Link, onChannel } from './connection.ts'
import { declareGroup } from './declare.ts'
import { type DeliveryOwner, RabbitDelivery, type SettleAnswer, type Settlement } from './delivery.ts'
import { fromAmqp, isNotFound } from './errors.ts'
import { withinLimit } from './limit.ts'
import { groupExchange, queueOf } from './names.ts'
import { MOST_PREFETCHED, type ResolvedOptions } from './options.ts'

export interface ConsumerParts {
  readonly options: ResolvedOptions
  readonly request: SubscribeRequest
  readonly onDelivery: (delivery: Delivery) => void
  /** RabbitMQ ended it. With a ConsumeError that is not retryable: for good. */
  readonly onLost: (consumer: Consumer, reason: CommunicationError) => void
}

interface ConsumedQueue {
  readonly name: string
  /** Of every delivery; undefined where several topics share the queue. */
  readonly topic: string | undefined
}

/** One subscription on one channel. Everything it owns is lost with the channel; a subscription that comes back gets another. */
export class Consumer implements DeliveryOwner {
  /** Why order may not be kept; undefined when all is well. */
  warning: string | undefined
  readonly #parts: ConsumerParts
  readonly #lost = new AbortController()
  readonly #acks = new AckTracker()
  readonly #intake: Intake<RabbitDelivery>
  readonly #tags: string[] = []
  readonly #unsettled = new Map<string, number>()
  #channel: Channel | undefined
  #flushed: PromiseWithResolvers<SettleAnswer> | undefined
  #isStopped = false

  constructor(parts: ConsumerParts) {
    this.#parts = parts
    this.#intake = new Intake<RabbitDelivery>(parts.request.maxUnsettled, parts.onDelivery)
  }

  get lost(): AbortSignal {
    return this.#lost.signal
  }

  /** Of this queue, handed over or waiting here. */
  unsettled(queue: string): number {
    return this.#unsettled.get(queue) ?? 0
  }

  /** Resolves when RabbitMQ sends. @throws what amqplib throws */
  async open(link: Link): Promise<void> {
    const queues = await this.#declare(link)
    const channel = await link.model.createChannel()
    this.#channel = channel
    let closedBy: Error | undefined
    channel.on('error', (error: Error) => {
      closedBy = error
    })
    channel.on('close', () => this.#ended(fromAmqp('go on consuming', closedBy ?? new ConnectionError('the channel was closed'))))
    await channel.prefetch(this.#prefetch())
    for (const queue of queues.length > 0 ? queues : [await this.#declareEphemeral(channel)]) {
      const { consumerTag } = await channel.consume(queue.name, (message) => this.#receive(link, queue, message))
      this.#tags.push(consumerTag)
    }
  }

  /** The queues of the group; none for an ephemeral subscriber, whose queue belongs to its channel. */
  async #declare(link: Link): Promise<readonly ConsumedQueue[]> {
    const { options, request } = this.#parts
    const { topics, group, pattern, ordered = false } = request
    if (group === undefined) return []
    const made = topics.map(async (topic) => {
      const isOrdered = await declareGroup(link, options, { topic, group, ordered, takesTopic: true })
      if (ordered && !isOrdered) {
        this.warning = `queue ${queueOf(topic, group)} was made without a single active consumer: order is kept only while one member consumes. Delete the queue to have it made anew`
        options.logger.warn(this.warning)
      }
      return { name: queueOf(topic, group), topic: pattern ? undefined : topic }
    })
    return Promise.all(made)
  }

  async #declareEphemeral(channel: Channel): Promise<ConsumedQueue> {
    const { options, request } = this.#parts
    const { queue } = await channel.assertQueue('', { exclusive: true, durable: false, autoDelete: true })
    for (const topic of request.topics) await channel.bindQueue(queue, options.exchange, topic)
    const [only] = request.topics
    return { name: queue, topic: request.topics.length === 1 && !request.pattern ? only : undefined }
  }

  /** Lanes need a look ahead: what waits behind a slow record must leave room for others. */
  #prefetch(): number {
    const { maxUnsettled, lanes } = this.#parts.request
    const wanted = lanes === 'none' ? maxUnsettled : Math.max(this.#parts.options.prefetchCount, maxUnsettled * 2)
    return Math.min(wanted, MOST_PREFETCHED)
  }

  #receive(link: Link, queue: ConsumedQueue, message: ConsumeMessage | null): void {
    if (message === null) return void this.#cancelled(link, queue)
    this.#unsettled.set(queue.name, this.unsettled(queue.name) + 1)
    const topic = queue.topic ?? this.#topicOf(message)
    const delivery = new RabbitDelivery(this, message, topic, this.#parts.request.lanes, queue.name)
    if (!this.#isStopped) this.#intake.offer(delivery)
    // Sent before RabbitMQ heard of the cancel.
    else if (!this.#parts.request.ordered) this.#giveBack(delivery)
  }

  #topicOf({ fields }: ConsumeMessage): string {
    const isForGroup = fields.exchange === groupExchange(this.#parts.options.exchange)
    return isForGroup ? fields.routingKey.slice(fields.routingKey.indexOf('.') + 1) : fields.routingKey
  }

  settle(delivery: RabbitDelivery, how: Settlement): Promise<SettleAnswer> {
    if (this.#channel === undefined || this.lost.aborted) return LOST
    if (how === 'ack') {
      this.#forget(delivery)
      this.#acks.settle(delivery.message.fields.deliveryTag)
      this.#intake.settled(delivery)
      return this.#flushSoon()
    }
    if (!this.#isStopped) this.#intake.requeue(delivery.again())
    // An ordered one gives everything back in one go when it is closed: one by one would change places.
    else if (!this.#parts.request.ordered) this.#giveBack(delivery)
    return SETTLED
  }

  /** Acknowledgements of one turn of the event loop go out together. */
  #flushSoon(): Promise<SettleAnswer> {
    if (this.#flushed === undefined) {
      this.#flushed = Promise.withResolvers()
      setImmediate(this.#flush)
    }
    return this.#flushed.promise
  }

  readonly #flush = (): void => {
    const answer = this.#flushed
    this.#flushed = undefined
    const isTold = this.#tellSettled()
    answer?.resolve(isTold ? 'settled' : 'lost')
  }

  #tellSettled(): boolean {
    const channel = this.#channel
    if (channel === undefined || this.lost.aborted) return false
    const { upTo, single } = this.#acks.take()
    if (upTo !== undefined) channel.ack(tagged(upTo), true)
    for (const tag of single) channel.ack(tagged(tag))
    return true
  }

  #giveBack(delivery: RabbitDelivery): void {
    this.#forget(delivery)
    this.#acks.told(delivery.message.fields.deliveryTag)
    this.#channel?.nack(delivery.message, false, true)
  }

  #forget({ queue }: RabbitDelivery): void {
    this.#unsettled.set(queue, this.unsettled(queue) - 1)
  }

  /**
   * Nothing is handed over any more. With a single active consumer RabbitMQ would make the next one active at once, while what was handed over here is still being
   * handled: so an ordered consumer stays until it is closed.
   */
  stopIntake(): void {
    if (this.#isStopped) return
    this.#isStopped = true
    const waiting = this.#intake.close()
    const channel = this.#channel
    if (this.#parts.request.ordered || channel === undefined || this.lost.aborted) return
    for (const delivery of waiting) this.#giveBack(delivery)
    for (const tag of this.#tags) channel.cancel(tag).catch(ignore)
  }

  /** Unsettled deliveries go back. */
  async close(reason: CommunicationError): Promise<void> {
    const channel = this.#channel
    this.#flush()
    this.lose(reason)
    if (channel !== undefined) await withinLimit(this.#parts.options.clock, CLOSE_LIMIT_MS, closeChannel(channel))
  }

  /** Nothing is owned any more. */
  lose(reason: CommunicationError): void {
    this.#intake.close()
    this.#lost.abort(reason)
    this.#channel = undefined
  }

  #ended(reason: CommunicationError): void {
    if (this.lost.aborted) return
    if (this.#channel !== undefined) void closeChannel(this.#channel)
    this.lose(reason)
    this.#parts.onLost(this, reason)
  }

  /** By RabbitMQ: the queue was deleted, or its node is gone for a while. */
  async #cancelled(link: Link, { name }: ConsumedQueue): Promise<void> {
    const reason = await this.#whyCancelled(link, name)
    this.#ended(reason)
  }

  /** A queue being deleted may still be there for a moment when its consumers are told. */
  async #whyCancelled(link: Link, queue: string): Promise<CommunicationError> {
    const { clock } = this.#parts.options
    try {
      for (let look = 0; look < LOOKS_FOR_QUEUE; look++) {
        await onChannel(link, (probe) => probe.checkQueue(queue))
        await sleep(BETWEEN_LOOKS_MS, { clock, signal: this.lost })
      }
    } catch (thrown) {
      const isGone = isNotFound(thrown) && !/down or inaccessible/.test((thrown as Error).message)
      return isGone ? deletedError(queue) : fromAmqp(`consume from queue ${queue}`, thrown)
    }
    return new ConnectionError(`RabbitMQ cancelled the consumer of queue ${queue}`)
  }
}

const LOOKS_FOR_QUEUE = 4
const BETWEEN_LOOKS_MS = 250
const SETTLED: Promise<SettleAnswer> = Promise.resolve('settled')
const LOST: Promise<SettleAnswer> = Promise.resolve('lost')

function deletedError(queue: string): ConsumeError {
  return new ConsumeError(`the subscription ended because its queue ${queue} was deleted from RabbitMQ`, {
    retryable: false,
    details: { queue },
  })
}

/** All that amqplib reads of a message to acknowledge it. */
function tagged(deliveryTag: number): ConsumeMessage {
  return { fields: { deliveryTag } } as ConsumeMessage
}
