import { type CommunicationError, ConnectionError } from '@comm/core'
import type { Delivery, SubscribeRequest } from '@comm/messaging'
import { Intake, type LinkConsumer, pause, withinLimit } from '@comm/messaging/adapter'
import type { Channel, ConsumeMessage } from 'amqplib'
import { AckTracker } from './ack-tracker.ts'
import { declareGroup } from './declare.ts'
import { RabbitDelivery, type SettleAnswer, type Source } from './delivery.ts'
import { errors, fromAmqp, isNotFound } from './errors.ts'
import { CLOSE_LIMIT_MS, closeChannel, ignore, type Link } from './link.ts'
import { groupExchange, queueOf } from './names.ts'
import { MOST_PREFETCHED, type ResolvedOptions } from './options.ts'

export interface ConsumerParts {
  readonly options: ResolvedOptions
  readonly link: Link
  readonly request: SubscribeRequest
  readonly onDelivery: (delivery: Delivery) => void
  /** RabbitMQ ended it. */
  readonly onLost: (reason: CommunicationError) => void
}

interface ConsumedQueue {
  readonly name: string
  /** Of every delivery; undefined where several topics share the queue. */
  readonly topic: string | undefined
}

/** One subscription on one channel. Everything it owns is lost with the channel. */
export class Consumer implements LinkConsumer {
  /** Why order may not be kept; undefined when all is well. */
  warning: string | undefined
  readonly #parts: ConsumerParts
  readonly #lost = new AbortController()
  readonly #acks = new AckTracker()
  readonly #intake: Intake<RabbitDelivery>
  readonly #tags: string[] = []
  readonly #sources: Source[] = []
  #channel: Channel | undefined
  #flushed: PromiseWithResolvers<SettleAnswer> | undefined
  #isStopped = false

  constructor(parts: ConsumerParts) {
    this.#parts = parts
    this.#intake = new Intake<RabbitDelivery>(parts.request.maxUnsettled, parts.onDelivery)
  }

  /** Of this queue, handed over or waiting here. */
  unsettled(queue: string): number {
    return this.#sources.find((source) => source.queue === queue)?.unsettled ?? 0
  }

  /** Resolves when RabbitMQ sends. @throws CommunicationError why it refuses */
  async open(): Promise<void> {
    try {
      await this.#open()
    } catch (thrown) {
      throw fromAmqp(`subscribe to ${this.#parts.request.topics.join(', ')}`, thrown)
    }
  }

  async #open(): Promise<void> {
    const { link, request } = this.#parts
    const { group } = request
    const queues = group === undefined ? [] : await Promise.all(request.topics.map((topic) => this.#declare(topic, group)))
    const channel = await link.model.createChannel()
    this.#channel = channel
    let closedBy: Error | undefined
    channel.on('error', (error: Error) => {
      closedBy = error
    })
    channel.on('close', () => this.#ended(fromAmqp('go on consuming', closedBy ?? new ConnectionError('the channel was closed'))))
    await channel.prefetch(this.#prefetch())
    if (group === undefined) queues.push(await this.#declareEphemeral(channel))
    for (const queue of queues) {
      const source: Source = {
        queue: queue.name,
        lanes: request.lanes,
        lost: this.#lost.signal,
        settle: (delivery, how) => this.#settle(delivery, how),
        unsettled: 0,
      }
      this.#sources.push(source)
      const { consumerTag } = await channel.consume(queue.name, (message) => {
        if (message === null) void this.#cancelled(queue.name)
        else this.#receive(new RabbitDelivery(source, queue.topic ?? this.#topicOf(message), message))
      })
      this.#tags.push(consumerTag)
    }
  }

  async #declare(topic: string, group: string): Promise<ConsumedQueue> {
    const { link, options, request } = this.#parts
    const { ordered = false, pattern } = request
    const name = queueOf(topic, group)
    const isOrdered = await declareGroup(link, options, { topic, group, ordered, takesTopic: true })
    if (ordered && !isOrdered) {
      this.warning = `queue ${name} was made without a single active consumer: order is kept only while one member consumes. Delete the queue to have it made anew`
      options.logger.warn(this.warning)
    }
    return { name, topic: pattern ? undefined : topic }
  }

  /** Belongs to the channel: it is gone with it. */
  async #declareEphemeral(channel: Channel): Promise<ConsumedQueue> {
    const { options, request } = this.#parts
    const { topics, pattern } = request
    const { queue: name } = await channel.assertQueue('', { exclusive: true, durable: false, autoDelete: true })
    for (const topic of topics) await channel.bindQueue(name, options.exchange, topic)
    return { name, topic: topics.length === 1 && !pattern ? topics[0] : undefined }
  }

  /** Lanes need a look ahead: what waits behind a slow record must leave room for others. */
  #prefetch(): number {
    const { maxUnsettled, lanes } = this.#parts.request
    const wanted = lanes === 'none' ? maxUnsettled : Math.max(this.#parts.options.prefetchCount, maxUnsettled * 2)
    return Math.min(wanted, MOST_PREFETCHED)
  }

  #topicOf({ fields }: ConsumeMessage): string {
    const isForGroup = fields.exchange === groupExchange(this.#parts.options.exchange)
    return isForGroup ? fields.routingKey.slice(fields.routingKey.indexOf('.') + 1) : fields.routingKey
  }

  #receive(delivery: RabbitDelivery): void {
    delivery.source.unsettled++
    if (!this.#isStopped) this.#intake.offer(delivery)
    // Sent before RabbitMQ heard of the cancel.
    else this.#giveBack(delivery)
  }

  #settle(delivery: RabbitDelivery, how: 'ack' | 'requeue'): Promise<SettleAnswer> {
    if (this.#channel === undefined) return LOST
    if (how === 'requeue') {
      if (this.#isStopped) this.#giveBack(delivery)
      else this.#intake.requeue(delivery.again())
      return SETTLED
    }
    delivery.source.unsettled--
    this.#acks.settle(delivery.message.fields.deliveryTag)
    this.#intake.settled(delivery)
    // Acknowledgements of one turn of the event loop go out together.
    if (this.#flushed === undefined) {
      this.#flushed = Promise.withResolvers()
      setImmediate(this.#flush)
    }
    return this.#flushed.promise
  }

  readonly #flush = (): void => {
    const channel = this.#channel
    const answer = this.#flushed
    this.#flushed = undefined
    if (channel === undefined) return answer?.resolve('lost')
    const { upTo, single } = this.#acks.take()
    if (upTo !== undefined) channel.ack(tagged(upTo), true)
    for (const tag of single) channel.ack(tagged(tag))
    answer?.resolve('settled')
  }

  /** An ordered consumer gives everything back in one go when it is closed: one by one would change places. */
  #giveBack(delivery: RabbitDelivery): void {
    if (this.#parts.request.ordered) return
    delivery.source.unsettled--
    this.#acks.told(delivery.message.fields.deliveryTag)
    this.#channel?.nack(delivery.message, false, true)
  }

  /**
   * With a single active consumer RabbitMQ would make the next one active at once, while what was handed over here is still being handled:
   * so an ordered consumer stays until it is closed.
   */
  stopIntake(): void {
    if (this.#isStopped) return
    this.#isStopped = true
    for (const delivery of this.#intake.close()) this.#giveBack(delivery)
    if (this.#parts.request.ordered) return
    for (const tag of this.#tags) this.#channel?.cancel(tag).catch(ignore)
  }

  async close(reason: CommunicationError): Promise<void> {
    const channel = this.#channel
    this.#flush()
    this.lose(reason)
    if (channel !== undefined) await withinLimit(this.#parts.options.clock, CLOSE_LIMIT_MS, closeChannel(channel))
  }

  lose(reason: CommunicationError): void {
    this.#intake.close()
    this.#lost.abort(reason)
    this.#channel = undefined
  }

  #ended(reason: CommunicationError): void {
    if (this.#channel === undefined) return
    void closeChannel(this.#channel)
    this.lose(reason)
    this.#parts.onLost(reason)
  }

  /** By RabbitMQ: the queue was deleted, or its node is gone for a while. */
  async #cancelled(queue: string): Promise<void> {
    this.#ended(await this.#whyCancelled(queue))
  }

  /** A queue being deleted may still be there for a moment when its consumers are told. */
  async #whyCancelled(queue: string): Promise<CommunicationError> {
    const { link, options } = this.#parts
    try {
      for (let look = 0; look < LOOKS_FOR_QUEUE; look++) {
        await link.onChannel((channel) => channel.checkQueue(queue))
        await pause(options.clock, BETWEEN_LOOKS_MS, this.#lost.signal)
      }
    } catch (thrown) {
      const isGone = isNotFound(thrown) && !/down or inaccessible/.test((thrown as Error).message)
      return isGone ? errors.gone(`its queue ${queue}`) : fromAmqp(`consume from queue ${queue}`, thrown)
    }
    return new ConnectionError(`RabbitMQ cancelled the consumer of queue ${queue}`)
  }
}

const LOOKS_FOR_QUEUE = 4
const BETWEEN_LOOKS_MS = 250
const SETTLED: Promise<SettleAnswer> = Promise.resolve('settled')
const LOST: Promise<SettleAnswer> = Promise.resolve('lost')

/** All that amqplib reads of a message to acknowledge it. */
function tagged(deliveryTag: number): ConsumeMessage {
  return { fields: { deliveryTag } } as ConsumeMessage
}
