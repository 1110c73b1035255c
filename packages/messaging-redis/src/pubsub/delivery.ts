import type { Delivery, HeaderValue } from '@comm/messaging'
import type { InboxItem } from '../inbox.ts'

export interface DeliveryOwner {
  settled(delivery: ChannelDelivery, isBack: boolean): void
}

const NO_HEADERS: Readonly<Record<string, HeaderValue>> = Object.freeze({})

/** A message of a channel. Redis gives it neither an id nor a key; the id is a count of what this subscription received. */
export class ChannelDelivery implements Delivery, InboxItem {
  readonly topic: string
  readonly id: string
  readonly key: undefined
  readonly body: Uint8Array
  readonly headers: Readonly<Record<string, HeaderValue>> = NO_HEADERS
  readonly timestamp: undefined
  readonly lane: string | undefined
  readonly redeliveries: undefined
  readonly lost: AbortSignal
  readonly #owner: DeliveryOwner
  #answer: 'settled' | 'lost' | undefined

  constructor(owner: DeliveryOwner, topic: string, id: string, body: Uint8Array, lane: string | undefined, lost: AbortSignal) {
    this.#owner = owner
    this.topic = topic
    this.id = id
    this.body = body
    this.lane = lane
    this.lost = lost
  }

  async settle(how: 'ack' | 'requeue'): Promise<'settled' | 'lost'> {
    if (this.#answer !== undefined) return this.#answer
    this.#answer = this.lost.aborted ? 'lost' : 'settled'
    if (this.#answer === 'settled') this.#owner.settled(this, how === 'requeue')
    return this.#answer
  }

  /** The same message, to be delivered once more. */
  again(): ChannelDelivery {
    return new ChannelDelivery(this.#owner, this.topic, this.id, this.body, this.lane, this.lost)
  }
}
