import { type CommunicationError, ConnectionError } from '@comm/core'
import {
  AckBatch,
  HandoverConsumer,
  type HandoverParts,
  pause,
  type SettleAnswer,
  type Source,
  withinLimit,
} from '@comm/messaging/adapter'
import type { Channel, ConsumeMessage } from 'amqplib'
import { AckTracker } from './ack-tracker.ts'
import { declareGroup } from './declare.ts'
import { type ConsumedQueue, RabbitDelivery } from './delivery.ts'
import { errors, fromAmqp, isNotFound } from './errors.ts'
import { CLOSE_LIMIT_MS, closeChannel, ignore, type Link } from './link.ts'
import { groupExchange, queueOf } from './names.ts'
import { MOST_PREFETCHED, type ResolvedOptions } from './options.ts'

export interface ConsumerParts extends HandoverParts {
  readonly options: ResolvedOptions
  readonly link: Link
}

const LOOKS_FOR_QUEUE = 4
const BETWEEN_LOOKS_MS = 250

/** One subscription on one channel. Everything it owns is lost with the channel. */
export class Consumer extends HandoverConsumer {
  /** Why order may not be kept; undefined when all is well. */
  warning: string | undefined
  readonly #options: ResolvedOptions
  readonly #link: Link
  readonly #acks = new AckTracker()
  readonly #acked = new AckBatch<number>(async (tags) => this.#acknowledge(tags))
  readonly #queues: ConsumedQueue[] = []
  readonly #tags: string[] = []
  #channel: Channel | undefined

  constructor(parts: ConsumerParts) {
    super(parts)
    this.#options = parts.options
    this.#link = parts.link
  }

  /** Of this queue, handed over or waiting here. */
  unsettled(queue: string): number {
    return this.#queues.find(({ name }) => name === queue)?.unsettled ?? 0
  }

  protected failureOf(thrown: unknown, what: string): CommunicationError {
    return fromAmqp(what, thrown)
  }

  protected async begin(): Promise<void> {
    const { topics, group, pattern } = this.request
    if (group !== undefined) await Promise.all(topics.map((topic) => this.#declare(topic, group)))
    const channel = await this.#link.model.createChannel()
    this.#channel = channel
    let closedBy: Error = new ConnectionError('the channel was closed')
    channel.on('error', (error: Error) => {
      closedBy = error
    })
    channel.on('close', () => this.giveUp(fromAmqp('go on consuming', closedBy)))
    await channel.prefetch(this.#prefetch())
    if (group === undefined) {
      // Belongs to the channel: it is gone with it.
      const { queue } = await channel.assertQueue('', { exclusive: true, durable: false, autoDelete: true })
      for (const topic of topics) await channel.bindQueue(queue, this.#options.exchange, topic)
      await this.#consume(channel, queue, topics.length === 1 && !pattern ? topics[0] : undefined)
    } else {
      for (const topic of topics) await this.#consume(channel, queueOf(topic, group), pattern ? undefined : topic)
    }
  }

  async #declare(topic: string, group: string): Promise<void> {
    const { ordered = false } = this.request
    const isOrdered = await declareGroup(this.#link, this.#options, { topic, group, ordered, takesTopic: true })
    if (!ordered || isOrdered) return
    this.warning = `queue ${queueOf(topic, group)} was made without a single active consumer: order is kept only while one member consumes. Delete the queue to have it made anew`
    this.#options.logger.warn(this.warning)
  }

  /** Lanes need a look ahead: what waits behind a slow record must leave room for others. */
  #prefetch(): number {
    const { maxUnsettled, lanes } = this.request
    const wanted = lanes === 'none' ? maxUnsettled : Math.max(this.#options.prefetchCount, maxUnsettled * 2)
    return Math.min(wanted, MOST_PREFETCHED)
  }

  /** @param only the topic of every message; undefined where several share the queue */
  async #consume(channel: Channel, name: string, only: string | undefined): Promise<void> {
    const queue: ConsumedQueue = { name, unsettled: 0 }
    const sources = new Map<string, Source>()
    const { consumerTag } = await channel.consume(name, (message) => {
      if (message === null) return void this.#cancelled(name)
      const topic = only ?? this.#topicOf(message)
      const source = sources.get(topic) ?? this.#sourceOf(topic)
      sources.set(topic, source)
      queue.unsettled++
      const delivery = new RabbitDelivery(source, queue, message)
      if (!this.isStopping) this.offer(delivery)
      // Sent before RabbitMQ heard of the cancel.
      else this.#giveBack(delivery)
    })
    this.#queues.push(queue)
    this.#tags.push(consumerTag)
  }

  #topicOf({ fields }: ConsumeMessage): string {
    const isForGroup = fields.exchange === groupExchange(this.#options.exchange)
    return isForGroup ? fields.routingKey.slice(fields.routingKey.indexOf('.') + 1) : fields.routingKey
  }

  #sourceOf(topic: string): Source {
    return {
      topic,
      lanes: this.request.lanes,
      lost: this.lost,
      handed: ignore,
      settle: (delivery, how) => this.#settle(delivery as RabbitDelivery, how),
    }
  }

  #settle(delivery: RabbitDelivery, how: 'ack' | 'requeue'): SettleAnswer | Promise<SettleAnswer> {
    if (how === 'requeue') {
      if (this.isStopping) this.#giveBack(delivery)
      else this.requeued(delivery)
      return 'settled'
    }
    delivery.queue.unsettled--
    this.settled(delivery)
    return this.#acked.add(delivery.message.fields.deliveryTag)
  }

  #acknowledge(tags: readonly number[]): SettleAnswer {
    const channel = this.#channel
    if (channel === undefined) return 'lost'
    const { upTo, single } = this.#acks.take(tags)
    if (upTo !== undefined) channel.ack(tagged(upTo), true)
    for (const tag of single) channel.ack(tagged(tag))
    return 'settled'
  }

  /** An ordered consumer gives everything back in one go when it is closed: one by one would change places. */
  #giveBack(delivery: RabbitDelivery): void {
    if (this.request.ordered) return
    delivery.queue.unsettled--
    this.#acks.told(delivery.message.fields.deliveryTag)
    this.#channel?.nack(delivery.message, false, true)
  }

  /**
   * With a single active consumer RabbitMQ would make the next one active at once, while what was handed over here is still being handled:
   * so an ordered consumer stays until it is closed.
   */
  protected end(unhanded: readonly RabbitDelivery[]): void {
    if (this.request.ordered || this.lost.aborted) return
    for (const delivery of unhanded) this.#giveBack(delivery)
    for (const tag of this.#tags.splice(0)) this.#channel?.cancel(tag).catch(ignore)
  }

  override async close(reason: CommunicationError): Promise<void> {
    const channel = this.#channel
    void this.#acked.flush()
    this.lose(reason)
    if (channel !== undefined) await withinLimit(this.#options.clock, CLOSE_LIMIT_MS, closeChannel(channel))
  }

  override lose(reason: CommunicationError): void {
    this.#channel = undefined
    super.lose(reason)
  }

  /** By RabbitMQ: the queue was deleted, or its node is gone for a while. */
  async #cancelled(queue: string): Promise<void> {
    const channel = this.#channel
    this.giveUp(await this.#whyCancelled(queue))
    if (channel !== undefined) await closeChannel(channel)
  }

  /** A queue being deleted may still be there for a moment when its consumers are told. */
  async #whyCancelled(queue: string): Promise<CommunicationError> {
    try {
      for (let look = 0; look < LOOKS_FOR_QUEUE; look++) {
        await this.#link.onChannel((channel) => channel.checkQueue(queue))
        await pause(this.#options.clock, BETWEEN_LOOKS_MS, this.lost)
      }
    } catch (thrown) {
      const isGone = isNotFound(thrown) && !/down or inaccessible/.test((thrown as Error).message)
      return isGone ? errors.gone(`its queue ${queue}`) : fromAmqp(`consume from queue ${queue}`, thrown)
    }
    return new ConnectionError(`RabbitMQ cancelled the consumer of queue ${queue}`)
  }
}

/** All that amqplib reads of a message to acknowledge it. */
function tagged(deliveryTag: number): ConsumeMessage {
  return { fields: { deliveryTag } } as ConsumeMessage
}
