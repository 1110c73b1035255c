import { Fifo } from './fifo.ts'

/** What `Intake` needs to know of a delivery. */
export interface Handed {
  readonly lane: string | undefined
}

/**
 * Hands deliveries over: never more unsettled ones than there are credits, and of one lane one at a time, in order. What has arrived
 * beyond that waits here. Knows nothing of any broker.
 */
export class Intake<Item extends Handed> {
  readonly #credits: number
  readonly #handOver: (item: Item) => void
  /** May be handed over, in order; of one lane at most one. */
  readonly #ready = new Fifo<Item>()
  /** Lanes with an item that is ready or handed over, and what waits behind it. */
  readonly #lanes = new Map<string, Fifo<Item>>()
  #unsettled = 0
  #isHandingOver = false
  #isScheduled = false
  #isClosed = false

  constructor(credits: number, handOver: (item: Item) => void) {
    this.#credits = credits
    this.#handOver = handOver
  }

  /** Must not be called from inside a call to the adapter. */
  offer(item: Item): void {
    if (this.#isClosed) return
    this.#enqueue(item)
    this.#pump()
  }

  /** Makes room for another. */
  settled(item: Item): void {
    this.#unsettled--
    this.#releaseLane(item)
    if (this.#isHandingOver || this.#isScheduled) return
    this.#isScheduled = true
    queueMicrotask(this.#resume)
  }

  /**
   * Hands it over again, before what is behind it in its lane: in a later turn, so that a handler that always requeues starves nobody.
   * @param again the same record, of the same lane
   */
  requeue(again: Item): void {
    setImmediate(() => {
      this.#unsettled--
      this.#ready.unshift(again)
      this.#pump()
    })
  }

  /** Hands over nothing more. @returns what was not handed over, in no order */
  close(): readonly Item[] {
    this.#isClosed = true
    return [...this.#ready.drain(), ...[...this.#lanes.values()].flatMap((lane) => lane.drain())]
  }

  readonly #resume = (): void => {
    this.#isScheduled = false
    this.#pump()
  }

  #enqueue(item: Item): void {
    if (item.lane === undefined) return this.#ready.push(item)
    const lane = this.#lanes.get(item.lane)
    if (lane !== undefined) return lane.push(item)
    this.#lanes.set(item.lane, new Fifo())
    this.#ready.push(item)
  }

  #releaseLane({ lane: name }: Item): void {
    const lane = name === undefined ? undefined : this.#lanes.get(name)
    if (name === undefined || lane === undefined) return
    const next = lane.shift()
    if (next === undefined) this.#lanes.delete(name)
    else this.#ready.push(next)
  }

  #pump(): void {
    if (this.#isHandingOver) return
    this.#isHandingOver = true
    try {
      while (this.#unsettled < this.#credits && !this.#isClosed) {
        const item = this.#ready.shift()
        if (item === undefined) break
        this.#unsettled++
        this.#handOver(item)
      }
    } finally {
      this.#isHandingOver = false
    }
  }
}
