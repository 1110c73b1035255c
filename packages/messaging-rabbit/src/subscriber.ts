import { CommunicationError, ConsumeError, exponentialBackoff, type Timer } from '@comm/core'
import type { Delivery, SubscribeRequest, Subscription } from '@comm/messaging'
import type { Link } from './connection.ts'
import { Consumer, type ConsumerParts } from './consumer.ts'
import { closedError, fromAmqp } from './errors.ts'
import type { ResolvedOptions } from './options.ts'

export interface SubscriberParts {
  readonly options: ResolvedOptions
  /** Of the consuming connection; undefined while it is lost. */
  readonly link: () => Link | undefined
  /** It ended, for whatever reason. */
  readonly onOver: (subscriber: Subscriber) => void
}

/** Between two tries to consume again on a connection that is there. */
const resumeBackoff = exponentialBackoff({ baseMs: 100, maxMs: 5000 })

/** A subscription that outlives its connections and channels: each gives it a consumer of its own. */
export class Subscriber implements Subscription {
  readonly request: SubscribeRequest
  readonly ended: Promise<CommunicationError | undefined>
  readonly #parts: SubscriberParts
  readonly #onDelivery: (delivery: Delivery) => void
  readonly #resolveEnded: (error: CommunicationError | undefined) => void
  #consumer: Consumer | undefined
  #takesIn = true
  #isOver = false
  #timer: Timer | undefined
  #failures = 0
  #trouble: CommunicationError | undefined

  constructor(parts: SubscriberParts, request: SubscribeRequest, onDelivery: (delivery: Delivery) => void) {
    this.#parts = parts
    this.request = request
    this.#onDelivery = onDelivery
    const { promise, resolve } = Promise.withResolvers<CommunicationError | undefined>()
    this.ended = promise
    this.#resolveEnded = resolve
  }

  /** Why it does not consume as it should, though there is a connection. */
  get trouble(): string | undefined {
    return this.#trouble?.message ?? this.#consumer?.warning
  }

  /** Deliveries handed over, or held for it, of this queue. */
  unsettled(queue: string): number {
    return this.#consumer?.unsettled(queue) ?? 0
  }

  /** @throws CommunicationError why RabbitMQ refuses it */
  async open(link: Link): Promise<void> {
    const parts: ConsumerParts = {
      options: this.#parts.options,
      request: this.request,
      onDelivery: this.#onDelivery,
      onLost: (consumer, reason) => this.#lost(consumer, reason),
    }
    const consumer = new Consumer(parts)
    this.#consumer = consumer
    try {
      await consumer.open(link)
    } catch (thrown) {
      if (this.#consumer === consumer) this.#consumer = undefined
      throw fromAmqp(`subscribe to ${this.request.topics.join(', ')}`, thrown)
    }
    this.#trouble = undefined
    this.#failures = 0
    if (this.#isOver) await consumer.close(closedError('the subscription'))
    else if (!this.#takesIn) consumer.stopIntake()
  }

  /** The connection is gone: nothing is owned any more. */
  lose(reason: CommunicationError): void {
    this.#timer?.cancel()
    const consumer = this.#consumer
    this.#consumer = undefined
    consumer?.lose(reason)
  }

  /** Consumes again, on the connection that is there now, and tries until it does. */
  resume(): void {
    const link = this.#parts.link()
    if (!this.#takesIn || this.#consumer !== undefined || link === undefined) return
    this.open(link).catch((thrown: unknown) => this.#tryLater(CommunicationError.from(thrown)))
  }

  async stopIntake(): Promise<void> {
    this.#takesIn = false
    this.#timer?.cancel()
    this.#consumer?.stopIntake()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end(undefined, closedError('the subscription'))
  }

  /** @param error why it is over for good; undefined when its owner wanted it */
  async end(error: CommunicationError | undefined, reason: CommunicationError): Promise<void> {
    this.#isOver = true
    this.#takesIn = false
    this.#timer?.cancel()
    const consumer = this.#consumer
    this.#consumer = undefined
    await consumer?.close(reason)
    this.#resolveEnded(error)
    this.#parts.onOver(this)
  }

  /** RabbitMQ closed the channel or cancelled the consumer; the connection may be there. */
  #lost(consumer: Consumer, reason: CommunicationError): void {
    if (consumer !== this.#consumer) return
    this.#consumer = undefined
    if (this.#isOver) return
    if (reason instanceof ConsumeError && !reason.retryable) void this.end(reason, reason)
    else this.#tryLater(reason)
  }

  #tryLater(error: CommunicationError): void {
    if (this.#isOver || !this.#takesIn || this.#consumer !== undefined || this.#parts.link() === undefined) return
    if (error.code === 'COMM_AUTHORIZATION') return void this.end(error, error)
    const { clock, logger, random } = this.#parts.options
    this.#trouble = error
    const delayMs = resumeBackoff.delayMs({ retry: ++this.#failures, previousMs: undefined, random })
    logger.warn(`the subscription to ${this.request.topics.join(', ')} consumes again in ${Math.round(delayMs)} ms`, { error })
    this.#timer?.cancel()
    this.#timer = clock.setTimer(delayMs, () => this.resume())
  }
}
