import { type Clock, LONGEST_TIMEOUT_MS, type Timer } from '@comm/core'
import { type Due, DueHeap } from '../due-heap.ts'
import type { GroupQueue } from './group-queue.ts'
import type { QueuedRecord } from './lane.ts'

/** Due in epoch milliseconds. */
interface Delayed extends Due {
  readonly queue: GroupQueue
  readonly queued: QueuedRecord
}

/** Records that wait for their time: a heap and one timer, which runs only between `start` and `stop`. */
export class DelayedRecords {
  readonly #clock: Clock
  readonly #release: (queue: GroupQueue, queued: QueuedRecord) => void
  readonly #heap = new DueHeap<Delayed>()
  #added = 0
  #isRunning = false
  #timer: Timer | undefined
  #timerAt = Number.POSITIVE_INFINITY

  constructor(clock: Clock, release: (queue: GroupQueue, queued: QueuedRecord) => void) {
    this.#clock = clock
    this.#release = release
  }

  add(dueAt: number, queue: GroupQueue, queued: QueuedRecord): void {
    this.#heap.push({ dueAt, order: this.#added++, heapAt: -1, queue, queued })
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
    const next = this.#heap.first
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
    for (let next = this.#heap.first; next !== undefined && next.dueAt <= wall; next = this.#heap.first) {
      this.#heap.remove(next)
      this.#release(next.queue, next.queued)
    }
    this.#arm()
  }
}
