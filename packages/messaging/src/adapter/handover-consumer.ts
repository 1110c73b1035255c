import type { CommunicationError } from '@comm/core'
import type { Delivery, SubscribeRequest } from '../broker.ts'
import { Intake } from './intake.ts'
import type { LinkConsumer } from './reopening-subscription.ts'
import type { SourceDelivery } from './source-delivery.ts'

export interface HandoverParts {
  readonly request: SubscribeRequest
  readonly onDelivery: (delivery: Delivery) => void
  /** It has ended, though its connection may be there. */
  readonly onLost: (reason: CommunicationError) => void
}

/** Hands over what comes over one connection. How it comes, and how it ends, is for the broker's own kind of it. */
export abstract class HandoverConsumer implements LinkConsumer {
  readonly request: SubscribeRequest
  /** Intake has stopped: what is given back is for others. */
  isStopping = false
  readonly #intake: Intake<SourceDelivery>
  readonly #onLost: (reason: CommunicationError) => void
  readonly #lost = new AbortController()

  constructor({ request, onDelivery, onLost }: HandoverParts) {
    this.request = request
    this.#onLost = onLost
    this.#intake = new Intake(request.maxUnsettled, (delivery) => {
      delivery.source.handed(delivery)
      onDelivery(delivery)
    })
  }

  /** Resolves when messages come. May throw anything. */
  protected abstract begin(): Promise<void>
  /**
   * Lets nothing come any more. Called more than once, also before `begin` has resolved.
   * @param unhanded what has come, and others may have now
   */
  protected abstract end(unhanded: readonly SourceDelivery[]): void
  /** @param what was attempted, as in `cannot <what>` */
  protected abstract failureOf(thrown: unknown, what: string): CommunicationError

  get lost(): AbortSignal {
    return this.#lost.signal
  }

  async open(): Promise<void> {
    try {
      await this.begin()
    } catch (thrown) {
      throw this.failureOf(thrown, `subscribe to ${this.request.topics.join(', ')}`)
    }
    if (this.isStopping) this.end([])
    this.lost.throwIfAborted()
  }

  /** Must not be called from inside a call to the adapter. */
  offer(delivery: SourceDelivery): void {
    if (this.isStopping) this.end([delivery])
    else this.#intake.offer(delivery)
  }

  /** The delivery left its handler's hands. */
  settled(delivery: SourceDelivery): void {
    this.#intake.settled(delivery)
  }

  /** The same, and it is to be handed over once more: here, or to others where intake has stopped. */
  requeued(delivery: SourceDelivery): void {
    if (this.isStopping) this.end([delivery])
    else this.#intake.requeue(delivery.again())
  }

  stopIntake(): Promise<void> | void {
    this.isStopping = true
    this.end(this.#intake.close())
  }

  async close(reason: CommunicationError): Promise<void> {
    this.lose(reason)
  }

  lose(reason: CommunicationError): void {
    this.isStopping = true
    this.#intake.close()
    this.#lost.abort(reason)
    this.end([])
  }

  /** It cannot go on; another one takes its place. */
  giveUp(error: CommunicationError): void {
    if (this.lost.aborted) return
    this.lose(error)
    this.#onLost(error)
  }
}
