import type { CommunicationError } from '@comm/core'
import type { Delivery, SubscribeRequest, Subscription } from '@comm/messaging'
import type { FaultyConnection } from './faulty-connection.ts'
import { FaultyDelivery } from './faulty-delivery.ts'

const MOST_TURNS = 5

/** Hands over what the subscription underneath does: late, in another order of lanes, again, or not yet. */
export class FaultySubscription implements Subscription {
  readonly #connection: FaultyConnection
  readonly #onDelivery: (delivery: Delivery) => void
  /** Without lanes an ordered consumer has its order only as long as nothing is held back. */
  readonly #mayHoldLaneless: boolean
  /** Handed over and not settled, the oldest first. */
  readonly #handedOver = new Set<FaultyDelivery>()
  /** Taken from the broker underneath, and how to stop waiting. */
  readonly #held = new Map<Delivery, () => void>()
  readonly #forget: () => void
  #inner: Subscription | undefined
  #takesIn = true

  constructor(request: SubscribeRequest, connection: FaultyConnection, onDelivery: (delivery: Delivery) => void) {
    this.#connection = connection
    this.#onDelivery = onDelivery
    this.#mayHoldLaneless = request.ordered !== true
    this.#forget = connection.onChange(() => this.#onConnectionChange())
  }

  /** @param inner resolved by the adapter underneath, which may have delivered already */
  begin(inner: Subscription): void {
    this.#inner = inner
    void inner.ended.then(() => this.#stop())
  }

  get ended(): Promise<CommunicationError | undefined> {
    return this.#inner?.ended ?? Promise.resolve(undefined)
  }

  readonly receive = (delivery: Delivery): void => {
    if (!this.#takesIn || this.#connection.happens('drop')) return void delivery.settle('requeue')
    if (this.#connection.happens('disconnect')) this.#connection.lose()
    const mayHold = delivery.lane !== undefined || this.#mayHoldLaneless
    if (!this.#connection.isUp) this.#held.set(delivery, () => undefined)
    else if (mayHold && this.#connection.happens('delay')) this.#holdFor(delivery)
    else if (mayHold && this.#connection.happens('reorder')) this.#holdTurns(delivery)
    else this.#handOver(delivery)
  }

  async stopIntake(): Promise<void> {
    this.#takesIn = false
    for (const [delivery, stop] of this.#held) {
      stop()
      void delivery.settle('requeue')
    }
    this.#held.clear()
    await this.#inner?.stopIntake()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop()
    await this.#inner?.[Symbol.asyncDispose]()
  }

  #stop(): void {
    this.#takesIn = false
    for (const stop of this.#held.values()) stop()
    this.#held.clear()
    this.#forget()
  }

  #handOver(delivery: Delivery): void {
    this.#held.delete(delivery)
    // What was lost underneath meanwhile comes again by itself.
    if (delivery.lost.aborted) return
    if (!this.#connection.isUp) {
      this.#held.set(delivery, () => undefined)
      return
    }
    const handed = new FaultyDelivery(delivery, this.#connection, (settled) => this.#handedOver.delete(settled))
    this.#handedOver.add(handed)
    this.#onDelivery(handed)
  }

  #holdFor(delivery: Delivery): void {
    const { clock, delayMs } = this.#connection.options
    const timer = clock.setTimer(this.#connection.random() * delayMs, () => this.#handOver(delivery))
    this.#held.set(delivery, () => timer.cancel())
  }

  #holdTurns(delivery: Delivery): void {
    let left = 1 + Math.floor(this.#connection.random() * MOST_TURNS)
    const wait = (): void => {
      if (left-- > 0) turn = setImmediate(wait)
      else this.#handOver(delivery)
    }
    let turn = setImmediate(wait)
    this.#held.set(delivery, () => clearImmediate(turn))
  }

  #onConnectionChange(): void {
    if (this.#connection.isUp) {
      const waiting = [...this.#held]
      this.#held.clear()
      for (const [delivery, stop] of waiting) {
        stop()
        this.#handOver(delivery)
      }
    } else {
      const lost = [...this.#handedOver].reverse()
      this.#handedOver.clear()
      for (const delivery of lost) delivery.giveBack()
    }
  }
}
