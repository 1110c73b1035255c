import { type Clock, LONGEST_TIMEOUT_MS, type Timer } from '@comm/core'
import type { GroupQueue } from './group-queue.ts'
import type { QueuedRecord } from './lane.ts'

interface Delayed {
  /** Epoch milliseconds. */
  readonly dueAt: number
  /** Equal times keep the order in which they were added. */
  readonly order: number
  readonly queue: GroupQueue
  readonly queued: QueuedRecord
}

/** Records that wait for their time: a binary heap and one timer, which runs only between `start` and `stop`. */
export class DelayedRecords {
  readonly #clock: Clock
  readonly #release: (queue: GroupQueue, queued: QueuedRecord) => void
  readonly #heap: Delayed[] = []
  #added = 0
  #isRunning = false
  #timer: Timer | undefined
  #timerAt = Number.POSITIVE_INFINITY

  constructor(clock: Clock, release: (queue: GroupQueue, queued: QueuedRecord) => void) {
    this.#clock = clock
    this.#release = release
  }

  add(dueAt: number, queue: GroupQueue, queued: QueuedRecord): void {
    this.#push({ dueAt, order: this.#added++, queue, queued })
    this.#arm()
  }

  start(): void {
    this.#isRunning = true
    this.#arm()
  }

  stop(): void {
    this.#isRunning = false
    this.#disarm()
  }

  #arm(): void {
    const next = this.#heap[0]
    if (!this.#isRunning || next === undefined || next.dueAt >= this.#timerAt) return
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
    const wall = this.#clock.wall()
    for (let next = this.#heap[0]; next !== undefined && next.dueAt <= wall; next = this.#heap[0]) {
      this.#pop()
      this.#release(next.queue, next.queued)
    }
    this.#arm()
  }

  #push(delayed: Delayed): void {
    const heap = this.#heap
    let at = heap.length
    for (let parent = (at - 1) >> 1; at > 0 && isBefore(delayed, heap[parent] as Delayed); parent = (at - 1) >> 1) {
      heap[at] = heap[parent] as Delayed
      at = parent
    }
    heap[at] = delayed
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Delayed, heap[child] as Delayed)) child++
      if (child >= heap.length || !isBefore(heap[child] as Delayed, last)) break
      heap[at] = heap[child] as Delayed
      at = child
    }
    heap[at] = last
  }
}

function isBefore(a: Delayed, b: Delayed): boolean {
  return a.dueAt === b.dueAt ? a.order < b.order : a.dueAt < b.dueAt
}
