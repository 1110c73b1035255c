import { ConnectionError, type Timer } from '@comm/core'
import { seededRandom } from '../seeded-random.ts'
import type { Fault, FaultOptions } from './options.ts'

/** Between two losses of the connection. */
export interface Epoch {
  readonly isOver: boolean
  /** Aborts when the epoch is over or the delivery is lost for its own reason; one signal for all deliveries that share theirs. */
  lostWith(lost: AbortSignal): AbortSignal
}

class ConnectionEpoch implements Epoch {
  readonly #over = new AbortController()
  readonly #combined = new WeakMap<AbortSignal, AbortSignal>()

  get isOver(): boolean {
    return this.#over.signal.aborted
  }

  lostWith(lost: AbortSignal): AbortSignal {
    const known = this.#combined.get(lost)
    if (known !== undefined) return known
    const combined = AbortSignal.any([this.#over.signal, lost])
    this.#combined.set(lost, combined)
    return combined
  }

  end(reason: ConnectionError): void {
    this.#over.abort(reason)
  }
}

/** The connection that the faults pretend: it throws the dice, counts what they did, and is lost and found. */
export class FaultyConnection {
  readonly options: Readonly<Required<FaultOptions>>
  readonly random: () => number
  /** How often each fault happened. */
  readonly counts: Record<Fault, number> = { duplicate: 0, drop: 0, delay: 0, reorder: 0, refuse: 0, unknown: 0, disconnect: 0 }
  readonly #listeners = new Set<() => void>()
  #epoch = new ConnectionEpoch()
  #outage: Timer | undefined
  #isClosed = false

  constructor(options: Readonly<Required<FaultOptions>>) {
    this.options = options
    this.random = seededRandom(options.seed)
  }

  get epoch(): Epoch {
    return this.#epoch
  }

  get isUp(): boolean {
    return this.#outage === undefined
  }

  /** Whether this fault happens now; it is counted then. */
  happens(fault: Fault): boolean {
    if (this.options[fault] === 0 || this.random() >= this.options[fault]) return false
    this.counts[fault]++
    return true
  }

  /** Loses the connection for `outageMs`. Does nothing when it is lost already, or closed. */
  lose(): void {
    if (!this.isUp || this.#isClosed) return
    this.#outage = this.options.clock.setTimer(this.options.outageMs, () => this.#restore())
    const lost = this.#epoch
    this.#epoch = new ConnectionEpoch()
    lost.end(new ConnectionError('the connection was lost, as the fault injection wanted it'))
    this.#tell()
  }

  /** Calls the listener whenever the connection is lost or back. Returns how to stop that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  close(): void {
    this.#isClosed = true
    this.#outage?.cancel()
    this.#outage = undefined
    this.#listeners.clear()
  }

  #restore(): void {
    this.#outage = undefined
    this.#tell()
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }
}
