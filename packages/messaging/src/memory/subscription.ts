import type { CommunicationError } from '@comm/core'
import type { Delivery, SubscribeRequest, Subscription } from '../broker.ts'
import { Consumer } from './consumer.ts'
import { closedError } from './errors.ts'
import type { Topics } from './topics.ts'

/** A subscription that outlives its connections: each of them gives it a consumer of its own. */
export class MemorySubscription implements Subscription {
  readonly ended: Promise<CommunicationError | undefined>
  readonly #request: SubscribeRequest
  readonly #topics: Topics
  readonly #onDelivery: (delivery: Delivery) => void
  readonly #onOver: (subscription: MemorySubscription) => void
  readonly #resolveEnded: (error: CommunicationError | undefined) => void
  #consumer: Consumer | undefined
  #takesIn = true

  /** @param onOver called when it ended, for whatever reason */
  constructor(
    topics: Topics,
    request: SubscribeRequest,
    onDelivery: (delivery: Delivery) => void,
    onOver: (subscription: MemorySubscription) => void,
  ) {
    this.#topics = topics
    this.#request = request
    this.#onDelivery = onDelivery
    this.#onOver = onOver
    const { promise, resolve } = Promise.withResolvers<CommunicationError | undefined>()
    this.ended = promise
    this.#resolveEnded = resolve
  }

  get consumer(): Consumer | undefined {
    return this.#consumer
  }

  /** Begins, or goes on after an outage. */
  open(): void {
    if (!this.#takesIn || this.#consumer !== undefined) return
    this.#consumer = new Consumer(this.#request, this.#topics.dispatcher, this.#onDelivery, (error) => this.#over(error))
    this.#topics.open(this.#consumer)
  }

  /** The connection is gone: nothing is owned any more. */
  lose(reason: CommunicationError): void {
    const consumer = this.#consumer
    if (consumer === undefined) return
    this.#consumer = undefined
    this.#topics.close(consumer)
    consumer.lose(reason)
  }

  stopIntake(): Promise<void> {
    this.#takesIn = false
    if (this.#consumer !== undefined) this.#topics.close(this.#consumer)
    return Promise.resolve()
  }

  end(reason: CommunicationError): void {
    this.lose(reason)
    this.#over(undefined)
  }

  #over(error: CommunicationError | undefined): void {
    this.#takesIn = false
    this.#resolveEnded(error)
    this.#onOver(this)
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.end(closedError('the subscription'))
    return Promise.resolve()
  }
}
