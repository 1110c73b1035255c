import type { Lane } from './lane.ts'
import { LinkedList } from './linked-list.ts'
import { HIGHEST_PRIORITY } from './record.ts'

/** Lanes with something to deliver: those of the highest priority first, equal ones in turn. O(1) by a bit per priority. */
export class ReadyLanes {
  readonly #byPriority: readonly LinkedList<Lane>[] = Array.from({ length: HIGHEST_PRIORITY + 1 }, () => new LinkedList<Lane>())
  #occupied = 0

  get isEmpty(): boolean {
    return this.#occupied === 0
  }

  /** Puts a lane at the end of its priority, unless it is there, blocked or empty. */
  offer(lane: Lane): void {
    const first = lane.records.first
    if (lane.isReady || lane.isBlocked || first === undefined) return
    lane.isReady = true
    const { priority } = first.record
    this.#byPriority[priority]?.push(lane)
    this.#occupied |= 1 << priority
  }

  take(): Lane | undefined {
    if (this.#occupied === 0) return undefined
    const priority = 31 - Math.clz32(this.#occupied)
    const lanes = this.#byPriority[priority]
    const lane = lanes?.shift()
    if (lanes?.first === undefined) this.#occupied &= ~(1 << priority)
    if (lane !== undefined) lane.isReady = false
    return lane
  }
}
