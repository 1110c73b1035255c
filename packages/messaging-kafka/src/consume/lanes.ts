import { Fifo } from './fifo.ts'

export interface LaneItem {
  /** Items of one lane are taken one after the other; without a lane, side by side. */
  readonly lane: string | undefined
}

/** Something that may be taken next: an item without a lane, or a lane whose first item may go. */
class Lane<Item> {
  readonly waiting = new Fifo<Item>()
  isBusy = false
  isReady = false
}

/** Records that wait to be handed over. Of each lane at most one is out at a time, and one given back is the next of its lane. */
export class Lanes<Item extends LaneItem> {
  readonly #lanes = new Map<string, Lane<Item>>()
  readonly #ready = new Fifo<Item | Lane<Item>>()

  /** Whether `take` may have something. */
  get hasReady(): boolean {
    return this.#ready.size > 0
  }

  add(item: Item): void {
    if (item.lane === undefined) {
      this.#ready.push(item)
      return
    }
    let lane = this.#lanes.get(item.lane)
    if (lane === undefined) {
      lane = new Lane()
      this.#lanes.set(item.lane, lane)
    }
    lane.waiting.push(item)
    this.#offer(lane)
  }

  /** The next item; its lane is closed until it is released or given back. */
  take(): Item | undefined {
    const next = this.#ready.shift()
    if (!(next instanceof Lane)) return next
    next.isReady = false
    next.isBusy = true
    return next.waiting.shift()
  }

  /** An item that was taken is done with. */
  release({ lane: name }: Item): void {
    const lane = name === undefined ? undefined : this.#lanes.get(name)
    if (name === undefined || lane === undefined) return
    lane.isBusy = false
    if (lane.waiting.size === 0) this.#lanes.delete(name)
    else this.#offer(lane)
  }

  /** An item that was taken is to be taken again, before all that is behind it. */
  giveBack(item: Item): void {
    const lane = item.lane === undefined ? undefined : this.#lanes.get(item.lane)
    if (lane === undefined) {
      this.#ready.unshift(item)
      return
    }
    lane.isBusy = false
    lane.waiting.unshift(item)
    this.#offer(lane)
  }

  #offer(lane: Lane<Item>): void {
    if (lane.isBusy || lane.isReady) return
    lane.isReady = true
    this.#ready.push(lane)
  }
}
