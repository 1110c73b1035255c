import type { EntrySource, SettleAnswer, Settlement, StreamDelivery } from './delivery.ts'
import type { StreamOwner } from './group-stream.ts'

/** A topic as a subscriber without a group reads it: nobody else is concerned by what it settles, Redis neither. */
export class EphemeralStream implements EntrySource {
  readonly topic: string
  readonly only: undefined
  readonly #owner: StreamOwner

  constructor(topic: string, owner: StreamOwner) {
    this.topic = topic
    this.#owner = owner
  }

  async settle(delivery: StreamDelivery, how: Settlement): Promise<SettleAnswer> {
    if (delivery.lost.aborted) return 'lost'
    this.#owner.settled(delivery, how === 'requeue' && this.#owner.takesIn ? delivery.again() : undefined)
    return 'settled'
  }
}
