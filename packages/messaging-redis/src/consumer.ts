import type { Clock, CommunicationError } from '@comm/core'
import type { Delivery, SubscribeRequest } from '@comm/messaging'
import { Intake, type LinkConsumer } from '@comm/messaging/adapter'
import { type RedisConnection, type RedisLink, redisError } from '@comm/redis-stores/connection'
import type { RedisDelivery } from './delivery.ts'

/** What a subscription asks of each of its consumers. */
export interface Consumption {
  readonly connection: RedisConnection
  readonly request: SubscribeRequest
  readonly onDelivery: (delivery: Delivery) => void
}

/** Hands over what comes over one connection. How it comes is for the kinds of consumers. */
export abstract class RedisConsumer implements LinkConsumer {
  readonly link: RedisLink
  readonly request: SubscribeRequest
  readonly clock: Clock
  /** Intake has stopped: what is given back is for others. */
  isStopping = false
  readonly #intake: Intake<RedisDelivery>
  readonly #onLost: (reason: CommunicationError) => void
  readonly #lost = new AbortController()

  constructor({ connection, request, onDelivery }: Consumption, link: RedisLink, onLost: (reason: CommunicationError) => void) {
    this.link = link
    this.request = request
    this.clock = connection.options.clock
    this.#onLost = onLost
    this.#intake = new Intake(request.maxUnsettled, (delivery) => {
      delivery.source.handed(delivery)
      onDelivery(delivery)
    })
  }

  /** @throws anything */
  protected abstract begin(): Promise<void>
  /** Nothing comes any more. Called more than once. */
  protected abstract end(): void

  get lost(): AbortSignal {
    return this.#lost.signal
  }

  async open(): Promise<void> {
    const what = `subscribe to ${this.request.topics.join(', ')}`
    await this.begin().catch((thrown: unknown) => {
      throw redisError(thrown, what)
    })
    if (this.isStopping) this.end()
    this.lost.throwIfAborted()
  }

  offer(delivery: RedisDelivery): void {
    if (!this.isStopping) this.#intake.offer(delivery)
  }

  /** The delivery left its handler's hands. */
  settled(delivery: RedisDelivery): void {
    this.#intake.settled(delivery)
  }

  /** The same, and it is to be handed over again. */
  requeued(delivery: RedisDelivery): void {
    this.#intake.requeue(delivery.again())
  }

  stopIntake(): Promise<void> | void {
    this.isStopping = true
    this.#intake.close()
    this.end()
  }

  async close(reason: CommunicationError): Promise<void> {
    this.lose(reason)
  }

  lose(reason: CommunicationError): void {
    this.isStopping = true
    this.#intake.close()
    this.#lost.abort(reason)
    this.end()
  }

  /** It cannot go on; another one takes its place. */
  giveUp(error: CommunicationError): void {
    if (this.lost.aborted) return
    this.lose(error)
    this.#onLost(error)
  }
}
