/** What waits in an inbox. */
export interface InboxItem {
  /** Items of one lane are handed over one after the other; undefined: side by side with all others. */
  readonly lane: string | undefined
}

interface Lane<Item> {
  readonly name: string
  readonly items: Item[]
  isBusy: boolean
}

/**
 * Hands fetched items over within the credits of a subscription, in order, and per lane one at a time. Always in a later microtask,
 * never from inside a call.
 */
export class Inbox<Item extends InboxItem> {
  readonly #maxUnsettled: number
  readonly #handOver: (item: Item) => void
  readonly #lanes = new Map<string, Lane<Item>>()
  /** Items without a lane, and lanes that have an item and are not busy, in the order in which their turn comes. */
  #ready: (Item | Lane<Item>)[] = []
  #first = 0
  #unsettled = 0
  #isScheduled = false
  #isOpen = true

  constructor(maxUnsettled: number, handOver: (item: Item) => void) {
    this.#maxUnsettled = maxUnsettled
    this.#handOver = handOver
  }

  add(item: Item): void {
    this.#place(item, false)
    this.#schedule()
  }

  /** The item left its handler's hands. @param again comes first in the lane, in its place */
  settled(item: Item, again?: Item): void {
    this.#unsettled--
    const lane = item.lane === undefined ? undefined : this.#lanes.get(item.lane)
    if (lane !== undefined) lane.isBusy = false
    if (again !== undefined) this.#place(again, true)
    // `#place` offers a lane that was empty; one that had items was not offered while it was busy.
    if (lane !== undefined && (again === undefined || lane.items.length > 1)) this.#offer(lane)
    this.#schedule()
  }

  /** Nothing is handed over any more. @returns what waited */
  close(): readonly Item[] {
    this.#isOpen = false
    return this.clear()
  }

  /** Forgets what waits and what is unsettled. @returns what waited */
  clear(): readonly Item[] {
    const waiting = [...this.#lanes.values()].flatMap(({ items }) => items)
    for (const each of this.#ready.slice(this.#first)) if (!isLane(each)) waiting.push(each)
    this.#lanes.clear()
    this.#ready = []
    this.#first = 0
    if (this.#isOpen) this.#unsettled = 0
    return waiting
  }

  #place(item: Item, isFirst: boolean): void {
    if (item.lane === undefined) {
      if (isFirst && this.#first > 0) this.#ready[--this.#first] = item
      else if (isFirst) this.#ready.unshift(item)
      else this.#ready.push(item)
      return
    }
    let lane = this.#lanes.get(item.lane)
    if (lane === undefined) {
      lane = { name: item.lane, items: [], isBusy: false }
      this.#lanes.set(item.lane, lane)
    }
    const wasEmpty = lane.items.length === 0
    if (isFirst) lane.items.unshift(item)
    else lane.items.push(item)
    if (wasEmpty) this.#offer(lane)
  }

  #offer(lane: Lane<Item>): void {
    if (lane.isBusy) return
    if (lane.items.length > 0) this.#ready.push(lane)
    else this.#lanes.delete(lane.name)
  }

  #schedule(): void {
    if (this.#isScheduled || this.#first === this.#ready.length) return
    this.#isScheduled = true
    queueMicrotask(this.#pump)
  }

  readonly #pump = (): void => {
    this.#isScheduled = false
    while (this.#isOpen && this.#unsettled < this.#maxUnsettled && this.#first < this.#ready.length) {
      const next = this.#ready[this.#first++] as Item | Lane<Item>
      const item = isLane(next) ? next.items.shift() : next
      if (item === undefined) continue
      if (isLane(next)) next.isBusy = true
      this.#unsettled++
      this.#handOver(item)
    }
    if (this.#first * 2 < this.#ready.length && this.#first < 64) return
    this.#ready = this.#ready.slice(this.#first)
    this.#first = 0
  }
}

function isLane<Item extends InboxItem>(each: Item | Lane<Item>): each is Lane<Item> {
  return 'items' in each
}
