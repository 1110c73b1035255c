import type { Delivery, HeaderValue } from '@comm/messaging'
import type { Epoch, FaultyConnection } from './faulty-connection.ts'

/** A delivery of the adapter underneath, until the pretended connection is lost. */
export class FaultyDelivery implements Delivery {
  readonly lost: AbortSignal
  readonly #inner: Delivery
  readonly #connection: FaultyConnection
  readonly #epoch: Epoch
  readonly #onSettled: (delivery: FaultyDelivery) => void
  #answer: Promise<'settled' | 'lost'> | undefined

  constructor(inner: Delivery, connection: FaultyConnection, onSettled: (delivery: FaultyDelivery) => void) {
    this.#inner = inner
    this.#connection = connection
    this.#epoch = connection.epoch
    this.#onSettled = onSettled
    this.lost = this.#epoch.lostWith(inner.lost)
  }

  get topic(): string {
    return this.#inner.topic
  }
  get id(): string {
    return this.#inner.id
  }
  get key(): string | undefined {
    return this.#inner.key
  }
  get body(): Uint8Array {
    return this.#inner.body
  }
  get headers(): Readonly<Record<string, HeaderValue>> {
    return this.#inner.headers
  }
  get timestamp(): number | undefined {
    return this.#inner.timestamp
  }
  get lane(): string | undefined {
    return this.#inner.lane
  }
  get redeliveries(): number | undefined {
    return this.#inner.redeliveries
  }

  settle(how: 'ack' | 'requeue'): Promise<'settled' | 'lost'> {
    this.#answer ??= this.#settle(how)
    return this.#answer
  }

  /** The connection is lost: the broker underneath delivers it again, whatever the consumer still does with it. */
  giveBack(): void {
    this.#answer ??= Promise.resolve('lost')
    void this.#inner.settle('requeue')
  }

  #settle(how: 'ack' | 'requeue'): Promise<'settled' | 'lost'> {
    if (this.#epoch.isOver) return Promise.resolve('lost')
    this.#onSettled(this)
    return this.#inner.settle(how === 'ack' && this.#connection.happens('duplicate') ? 'requeue' : how)
  }
}
