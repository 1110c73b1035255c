import { CommunicationError } from '@comm/core'
import type { MessageClient } from '@comm/messaging'
import { Bits } from './bits.ts'
import type { OfferTotals } from './protocol.ts'

const TICK_MS = 10
/** Of the body, in bytes. */
const PADDING = 'x'.repeat(1000)

/** Publishes at a steady rate, whatever becomes of it, and counts that. */
export class Offerer {
  readonly #client: MessageClient
  readonly #topic: string
  readonly #rate: number
  readonly #confirmed = new Bits()
  readonly #failed: Record<string, number> = {}
  readonly #startedAt = performance.now()
  readonly #ticking: NodeJS.Timeout
  #offered = 0
  #refused = 0
  #refusedLate = 0
  /** The turn of the event loop. */
  #turn = 0

  /** @param rate messages a second */
  constructor(client: MessageClient, topic: string, rate: number) {
    this.#client = client
    this.#topic = topic
    this.#rate = rate
    this.#ticking = setInterval(() => this.#tick(), TICK_MS)
  }

  /** Offers no more, and resolves once everything has settled. */
  async finish(): Promise<OfferTotals> {
    clearInterval(this.#ticking)
    await this.#client.flush()
    // The last confirmation has yet to reach its caller.
    await new Promise(setImmediate)
    return {
      offered: this.#offered,
      refused: this.#refused,
      refusedLate: this.#refusedLate,
      failed: this.#failed,
      confirmed: this.#confirmed.toText(),
    }
  }

  #tick(): void {
    const due = Math.floor(((performance.now() - this.#startedAt) / 1000) * this.#rate)
    while (this.#offered < due) void this.#offer(this.#offered++)
    setImmediate(() => this.#turn++)
  }

  async #offer(number: number): Promise<void> {
    const turn = this.#turn
    try {
      await this.#client.publish(this.#topic, { number, padding: PADDING })
      this.#confirmed.add(number)
    } catch (thrown) {
      const { code } = CommunicationError.from(thrown)
      if (code === 'COMM_BUFFER_FULL') {
        this.#refused++
        if (turn !== this.#turn) this.#refusedLate++
      } else {
        this.#failed[code] = (this.#failed[code] ?? 0) + 1
      }
    }
  }
}
