import { type Clock, LONGEST_TIMEOUT_MS, type Timer } from '@comm/core'
import { type Due, DueHeap } from '../due-heap.ts'

/** Due in epoch milliseconds; equal times keep the order in which they were added. */
interface Waiting<Item> extends Due {
  readonly item: Item
}

/** Items that wait for their time: a heap and one timer. */
export class DueQueue<Item> {
  readonly #clock: Clock
  readonly #onDue: (item: Item) => void
  #heap = new DueHeap<Waiting<Item>>()
  #added = 0
  #isHeld = false
  #timer: Timer | undefined
  #timerAt = Number.POSITIVE_INFINITY

  constructor(clock: Clock, onDue: (item: Item) => void) {
    this.#clock = clock
    this.#onDue = onDue
  }

  get isEmpty(): boolean {
    return this.#heap.first === undefined
  }

  add(dueAt: number, item: Item): void {
    this.#heap.push({ dueAt, order: this.#added++, heapAt: -1, item })
    this.#arm()
  }

  /** Forgets everything. */
  clear(): void {
    this.#heap = new DueHeap()
    this.#disarm()
  }

  /** Nothing is due before `release`, whatever its time; no timer runs meanwhile. */
  hold(): void {
    this.#isHeld = true
    this.#disarm()
  }

  release(): void {
    this.#isHeld = false
    this.#arm()
  }

  #arm(): void {
    const next = this.#heap.first
    if (this.#isHeld || next === undefined || next.dueAt >= this.#timerAt) return
    this.#disarm()
    this.#timerAt = next.dueAt
    const delayMs = Math.min(LONGEST_TIMEOUT_MS, Math.max(0, next.dueAt - this.#clock.wall()))
    this.#timer = this.#clock.setTimer(delayMs, () => this.#fire())
  }

  #disarm(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#timerAt = Number.POSITIVE_INFINITY
  }

  /** A timer may fire a moment early; what is not due then waits for the next one. */
  #fire(): void {
    this.#disarm()
    const now = this.#clock.wall()
    for (let next = this.#heap.first; next !== undefined && next.dueAt <= now; next = this.#heap.first) {
      this.#heap.remove(next)
      this.#onDue(next.item)
    }
    this.#arm()
  }
}
