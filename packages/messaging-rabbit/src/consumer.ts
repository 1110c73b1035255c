import { type CommunicationError, ConnectionError, pause, withinLimit } from '@comm/core'
import { AckBatch, HandoverConsumer, type HandoverParts, type SettleAnswer, SourceDelivery } from '@comm/messaging/adapter'
import {
  type Channel,
  CLOSE_LIMIT_MS,
  type ConsumeMessage,
  closeChannel,
  direct,
  fromAmqp,
  ignore,
  type Link,
  NOT_FOUND,
  rabbitErrors,
  replyCodeOf,
} from '@comm/rabbit-driver'
import { AckTracker } from './ack-tracker.ts'
import { CountedSources } from './counted-sources.ts'
import { declareGroup } from './declare.ts'
import { contentOf, idOf, redeliveriesOf, timestampOf } from './message.ts'
import { groupExchange, queueOf } from './names.ts'
import { MOST_PREFETCHED, type ResolvedOptions } from './options.ts'

/** A queue that is being deleted may still be there for so long when its consumers are told. */
const DELETED_MS = 1000

/** One subscription on one channel. Everything it owns is lost with the channel. */
export class Consumer extends HandoverConsumer {
  /** Why order may not be kept; undefined when all is well. */
  warning: string | undefined
  readonly #options: ResolvedOptions
  readonly #link: Link
  readonly #acks = new AckTracker()
  readonly #acked = new AckBatch<number>(async (tags) => this.#acknowledge(tags))
  readonly sources: CountedSources = new CountedSources((topic) => ({
    topic,
    lanes: this.request.lanes,
    lost: this.lost,
    handed: ignore,
    settle: (delivery, how) => this.#settle(delivery, how),
  }))
  readonly #tags: string[] = []
  #channel: Channel | undefined

  constructor(options: ResolvedOptions, link: Link, parts: HandoverParts) {
    super(parts)
    this.#options = options
    this.#link = link
  }

  protected failureOf(thrown: unknown, what: string): CommunicationError {
    return fromAmqp(what, thrown)
  }

  protected async begin(): Promise<void> {
    const { topics, group, pattern } = this.request
    if (group !== undefined) await Promise.all(topics.map((topic) => this.#declare(topic, group)))
    const channel = direct(await this.#link.model.createChannel())
    this.#channel = channel
    // An error comes first.
    channel.on('error', (error: Error) => this.giveUp(fromAmqp('go on consuming', error)))
    channel.on('close', () => this.giveUp(new ConnectionError('cannot go on consuming: the channel to RabbitMQ was closed')))
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
  async #consume(channel: Channel, queue: string, only: string | undefined): Promise<void> {
    const { consumerTag } = await channel.consume(queue, (message) => {
      if (message === null) return void this.#cancelled(queue)
      const source = this.sources.count(queue, only ?? this.#topicOf(message))
      const times = redeliveriesOf(message)
      const delivery = new SourceDelivery(source, idOf(message), contentOf(message), timestampOf(message), times, message)
      this.offer(delivery)
    })
    this.#tags.push(consumerTag)
  }

  #topicOf({ fields }: ConsumeMessage): string {
    const isForGroup = fields.exchange === groupExchange(this.#options.exchange)
    return isForGroup ? fields.routingKey.slice(fields.routingKey.indexOf('.') + 1) : fields.routingKey
  }

  #settle(delivery: SourceDelivery, how: 'ack' | 'requeue'): SettleAnswer | Promise<SettleAnswer> {
    if (how === 'requeue') {
      this.requeued(delivery)
      return 'settled'
    }
    this.settled(delivery)
    return this.#acked.add(this.#takeOut(delivery).fields.deliveryTag)
  }

  /** Nothing is to be settled any more of what is returned. */
  #takeOut(delivery: SourceDelivery): ConsumeMessage {
    this.sources.release(delivery)
    return delivery.handle as ConsumeMessage
  }

  #acknowledge(tags: readonly number[]): SettleAnswer {
    const channel = this.#channel
    if (channel === undefined) return 'lost'
    const { upTo, single } = this.#acks.take(tags)
    if (upTo !== undefined) channel.ack(tagged(upTo), true)
    for (const tag of single) channel.ack(tagged(tag))
    return 'settled'
  }

  /**
   * An ordered consumer stays until it is closed: RabbitMQ would make the next one active at once, while what was handed over here is still
   * being handled. And it gives everything back in one go then: one by one would change places.
   */
  protected end(unhanded: readonly SourceDelivery[]): void {
    if (this.request.ordered || this.lost.aborted) return
    for (const delivery of unhanded) {
      const message = this.#takeOut(delivery)
      this.#acks.told(message.fields.deliveryTag)
      this.#channel?.nack(message, false, true)
    }
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
    await pause(this.#options.clock, DELETED_MS, this.lost)
    const look = this.#link.onChannel((probe) => probe.checkQueue(queue))
    const isThere = look.then(() => new ConnectionError(`RabbitMQ cancelled the consumer of queue ${queue}`))
    const reason = await isThere.catch((thrown: Error) => {
      const isGone = replyCodeOf(thrown) === NOT_FOUND && !/down or inaccessible/.test(thrown.message)
      return isGone ? rabbitErrors.gone(`its queue ${queue}`) : fromAmqp(`consume from queue ${queue}`, thrown)
    })
    this.giveUp(reason)
    if (channel !== undefined) await closeChannel(channel)
  }
}

/** All that amqplib reads of a message to acknowledge it. */
function tagged(deliveryTag: number): ConsumeMessage {
  return { fields: { deliveryTag } } as ConsumeMessage
}
