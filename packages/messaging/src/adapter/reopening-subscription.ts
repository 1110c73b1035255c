import { type Backoff, type Clock, CommunicationError, exponentialBackoff, type Logger, type Timer } from '@comm/core'
import type { SubscribeRequest, Subscription } from '../broker.ts'

/** What consumes over one connection. Everything it hands over is lost with it; a subscription that comes back makes another. */
export interface LinkConsumer {
  /** Why it does not consume as it should; undefined when all is well. */
  readonly warning?: string | undefined
  /** As `Subscription.lag`. */
  lag?(): Promise<number>
  /** Resolves when deliveries flow. @throws CommunicationError */
  open(): Promise<void>
  /** Hands over nothing more. What was handed over can still be settled. */
  stopIntake(): Promise<void> | void
  /** Gives back what is unsettled, and leaves. Never rejects, and ends though the broker is silent. */
  close(reason: CommunicationError): Promise<void>
  /** The connection is gone: nothing is owned any more. */
  lose(reason: CommunicationError): void
}

export interface ReopeningParts<Link, Consumer extends LinkConsumer> {
  /** Undefined while there is no connection. */
  readonly link: () => Link | undefined
  /** @param onLost the broker ended this consumer, though the connection may be there */
  readonly makeConsumer: (link: Link, onLost: (reason: CommunicationError) => void) => Consumer
  /** Errors after which it does not come back. @default those that are not retryable, but for COMM_CLOSED */
  readonly isFinal?: (error: CommunicationError) => boolean
  /** What its owner sees when it is closed. */
  readonly closed: () => CommunicationError
  readonly onOver: () => void
  readonly clock: Clock
  readonly logger: Logger
  readonly random: () => number
}

/** Between two tries to consume again on a connection that is there. */
const reopenBackoff: Backoff = exponentialBackoff({ baseMs: 100, maxMs: 5000 })

/** A subscription that outlives connections and consumers: each connection gives it a consumer of its own. */
export class ReopeningSubscription<Link, Consumer extends LinkConsumer> implements Subscription {
  readonly request: SubscribeRequest
  readonly ended: Promise<CommunicationError | undefined>
  /** Set once a consumer knows its own. */
  lag?: () => Promise<number>
  readonly #parts: ReopeningParts<Link, Consumer>
  readonly #resolveEnded: (error: CommunicationError | undefined) => void
  #consumer: Consumer | undefined
  #takesIn = true
  #isOver = false
  #stopping: Promise<void> | undefined
  #timer: Timer | undefined
  #failures = 0
  #trouble: CommunicationError | undefined

  constructor(request: SubscribeRequest, parts: ReopeningParts<Link, Consumer>) {
    this.request = request
    this.#parts = parts
    const { promise, resolve } = Promise.withResolvers<CommunicationError | undefined>()
    this.ended = promise
    this.#resolveEnded = resolve
  }

  /** Undefined while it waits for a connection, or for its next try. */
  get consumer(): Consumer | undefined {
    return this.#consumer
  }

  /** Why it does not consume as it should, though there is a connection. */
  get trouble(): string | undefined {
    return this.#trouble?.message ?? this.#consumer?.warning
  }

  /** @throws CommunicationError why the broker refuses it */
  async open(link: Link): Promise<void> {
    const consumer: Consumer = this.#parts.makeConsumer(link, (reason) => this.#lost(consumer, reason))
    this.#consumer = consumer
    if (consumer.lag !== undefined) this.lag = async () => this.#consumer?.lag?.() ?? 0
    try {
      await consumer.open()
    } catch (thrown) {
      const error = CommunicationError.from(thrown)
      consumer.lose(error)
      if (this.#consumer === consumer) this.#consumer = undefined
      throw error
    }
    if (this.#isOver) await consumer.close(this.#parts.closed())
    else if (!this.#takesIn) await consumer.stopIntake()
    if (this.#consumer !== consumer) return
    this.#trouble = undefined
    this.#failures = 0
  }

  /** The connection is gone. */
  lose(reason: CommunicationError): void {
    this.#timer?.cancel()
    const consumer = this.#consumer
    this.#consumer = undefined
    consumer?.lose(reason)
  }

  /** Consumes again on the connection that is there now, and tries until it does. */
  resume(): void {
    const link = this.#parts.link()
    if (!this.#takesIn || this.#consumer !== undefined || link === undefined) return
    this.#timer?.cancel()
    this.open(link).catch((thrown: unknown) => this.#tryLater(CommunicationError.from(thrown)))
  }

  stopIntake(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    this.#takesIn = false
    this.#timer?.cancel()
    await this.#consumer?.stopIntake()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end(undefined, this.#parts.closed())
  }

  /** @param error why it is over for good; undefined when its owner wanted it. @param reason what ends its deliveries */
  async end(error: CommunicationError | undefined, reason: CommunicationError): Promise<void> {
    this.#isOver = true
    this.#takesIn = false
    this.#timer?.cancel()
    const consumer = this.#consumer
    this.#consumer = undefined
    await consumer?.close(reason)
    this.#resolveEnded(error)
    this.#parts.onOver()
  }

  #lost(consumer: Consumer, reason: CommunicationError): void {
    if (consumer !== this.#consumer) return
    this.#consumer = undefined
    this.#tryLater(reason)
  }

  #tryLater(error: CommunicationError): void {
    if (this.#isOver || this.#consumer !== undefined) return
    const { isFinal = neverHelps, clock, logger, random, link } = this.#parts
    if (isFinal(error)) return void this.end(error, error)
    // Without a connection, `resume` comes when there is one.
    if (!this.#takesIn || link() === undefined) return
    this.#trouble = error
    const delayMs = reopenBackoff.delayMs({ retry: ++this.#failures, previousMs: undefined, random })
    logger.warn(`the subscription to ${this.request.topics.join(', ')} consumes again in ${Math.round(delayMs)} ms`, { error })
    this.#timer?.cancel()
    this.#timer = clock.setTimer(delayMs, () => this.resume())
  }
}

function neverHelps(error: CommunicationError): boolean {
  return !error.retryable && error.code !== 'COMM_CLOSED'
}
