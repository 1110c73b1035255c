import { type Clock, LONGEST_TIMEOUT_MS, type Timer } from '@comm/core'

interface Waiting<Item> {
  /** Epoch milliseconds. */
  readonly dueAt: number
  /** Equal times keep the order in which they were added. */
  readonly order: number
  readonly item: Item
}

/** Items that wait for their time: a binary heap with one timer. */
export class DueQueue<Item> {
  readonly #clock: Clock
  readonly #onDue: (item: Item) => void
  #heap: Waiting<Item>[] = []
  #added = 0
  #timer: Timer | undefined
  #timerAt = Number.POSITIVE_INFINITY

  constructor(clock: Clock, onDue: (item: Item) => void) {
    this.#clock = clock
    this.#onDue = onDue
  }

  add(dueAt: number, item: Item): void {
    const heap = this.#heap
    const added = { dueAt, order: this.#added++, item }
    let at = heap.length
    for (let parent = (at - 1) >> 1; at > 0 && isBefore(added, heap[parent]); parent = (at - 1) >> 1) {
      heap[at] = heap[parent] as Waiting<Item>
      at = parent
    }
    heap[at] = added
    this.#arm()
  }

  /** Forgets everything. */
  clear(): void {
    this.#heap = []
    this.#disarm()
  }

  #arm(): void {
    const next = this.#heap[0]
    if (next === undefined || next.dueAt >= this.#timerAt) return
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
    for (let next = this.#heap[0]; next !== undefined && next.dueAt <= now; next = this.#heap[0]) {
      this.#removeFirst()
      this.#onDue(next.item)
    }
    this.#arm()
  }

  #removeFirst(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let at = 0
    for (let child = 1; child < heap.length; child = 2 * at + 1) {
      if (child + 1 < heap.length && isBefore(heap[child + 1], heap[child])) child++
      if (!isBefore(heap[child], last)) break
      heap[at] = heap[child] as Waiting<Item>
      at = child
    }
    heap[at] = last
  }
}

function isBefore(a: Waiting<unknown> | undefined, b: Waiting<unknown> | undefined): boolean {
  if (a === undefined || b === undefined) return false
  return a.dueAt < b.dueAt || (a.dueAt === b.dueAt && a.order < b.order)
}
