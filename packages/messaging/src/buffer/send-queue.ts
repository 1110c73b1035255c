import type { OutboundRecord } from '../broker.ts'
import { DueHeap } from '../due-heap.ts'
import { List } from '../list.ts'
import { type Entry, Place } from './entry.ts'
import { Lane } from './lane.ts'

/** A request's bodies and headers stay below this, unless a single record is larger. */
const MOST_BYTES = 1024 * 1024

/**
 * What has been accepted and is not being sent. Gives out what may go, oldest lane first, so that nothing overtakes a record of its
 * lane: not while one is in a request, not while a refused one waits for its resend; and where a broker may store a later record of a
 * request while it refuses an earlier one, a request has one record of each lane.
 */
export class SendQueue {
  readonly #keepsKeyOrderInBatch: boolean
  readonly #maxBatch: number
  readonly #byAge = new List<Entry>()
  readonly #named = new Map<string, Lane>()
  readonly #ready = new List<Lane>()
  readonly #delayed = new DueHeap<Lane>()
  #delays = 0
  #sendable = 0

  /** @param keepsKeyOrderInBatch records of one lane may share a request */
  constructor(keepsKeyOrderInBatch: boolean, maxBatch: number) {
    this.#keepsKeyOrderInBatch = keepsKeyOrderInBatch
    this.#maxBatch = maxBatch
  }

  /** How many records may be sent now. */
  get sendable(): number {
    return this.#sendable
  }

  /** When the next refused record is due; undefined when none waits for that. */
  get nextDueAt(): number | undefined {
    return this.#delayed.first?.dueAt
  }

  /** Every entry here, about oldest first. */
  get oldest(): Entry | undefined {
    return this.#byAge.first
  }

  add(entry: Entry): void {
    const lane = this.#laneOf(entry.record)
    const place = new Place(entry, lane)
    entry.place = place
    this.#byAge.push(entry)
    lane.waiting.push(place)
    if (lane.state === 'idle') this.#makeReady(lane)
    else if (lane.state === 'ready') this.#sendable += this.#keepsKeyOrderInBatch ? 1 : 0
  }

  /** Takes out an entry that waits here. @returns whether another one waited for it to be sent again */
  remove(entry: Entry): boolean {
    const place = entry.place as Place
    const { lane } = place
    const wasFirst = lane.waiting.first === place
    this.#byAge.remove(entry)
    lane.waiting.remove(place)
    if (lane.state === 'ready') {
      if (lane.waiting.size === 0) this.#unready(lane, 1)
      else if (this.#keepsKeyOrderInBatch) this.#sendable--
    }
    const heldOthers = lane.state === 'delayed' && wasFirst
    if (heldOthers) {
      this.#delayed.remove(lane)
      this.#place(lane, 'last')
    }
    this.#forgetIdle(lane)
    return heldOthers
  }

  /**
   * Takes out what goes into one request; their lanes are out until `giveBack`.
   * @param most records, but never a part of a lane whose records may share a request
   */
  take(most: number): Entry[] {
    const entries: Entry[] = []
    let bytes = 0
    for (let lane = this.#ready.first; lane !== undefined && entries.length < most; lane = this.#ready.first) {
      const size = lane.waiting.size
      for (let place = lane.waiting.first; place !== undefined; place = lane.waiting.first) {
        if (entries.length > 0 && bytes + place.entry.bytes > MOST_BYTES) break
        bytes += place.entry.bytes
        lane.waiting.remove(place)
        this.#byAge.remove(place.entry)
        entries.push(place.entry)
        if (!this.#keepsKeyOrderInBatch || entries.length >= this.#maxBatch) break
      }
      if (lane.waiting.size === size) break
      this.#unready(lane, size)
      lane.state = 'out'
    }
    return entries
  }

  /**
   * Ends a request.
   * @param entries all that were taken for it
   * @param refused those of them that have to be sent again, in the same order
   */
  giveBack(entries: readonly Entry[], refused: readonly Entry[]): void {
    for (let index = refused.length - 1; index >= 0; index--) {
      const entry = refused[index] as Entry
      const { lane } = entry.place as Place
      this.#byAge.unshift(entry)
      lane.waiting.unshift(entry.place as Place)
    }
    // In front, and in their old order, those that were refused; the others behind what has waited longer.
    for (let index = refused.length - 1; index >= 0; index--) this.#comeBack((refused[index] as Entry).place as Place, 'first')
    for (const { place } of entries) this.#comeBack(place as Place, 'last')
  }

  /** Lets go what is due again. */
  wake(now: number): void {
    for (let lane = this.#delayed.first; lane !== undefined && lane.dueAt <= now; lane = this.#delayed.first) {
      this.#delayed.remove(lane)
      this.#makeReady(lane)
    }
  }

  #comeBack({ lane }: Place, where: 'first' | 'last'): void {
    if (lane.state !== 'out') return
    this.#place(lane, where)
    this.#forgetIdle(lane)
  }

  /** For a lane that is nowhere now. */
  #place(lane: Lane, where: 'first' | 'last'): void {
    const first = lane.waiting.first?.entry
    lane.state = 'idle'
    if (first === undefined) return
    if (first.dueAt === 0) return this.#makeReady(lane, where)
    lane.state = 'delayed'
    lane.dueAt = first.dueAt
    lane.order = this.#delays++
    this.#delayed.push(lane)
  }

  #makeReady(lane: Lane, where: 'first' | 'last' = 'last'): void {
    lane.state = 'ready'
    if (where === 'first') this.#ready.unshift(lane)
    else this.#ready.push(lane)
    this.#sendable += this.#keepsKeyOrderInBatch ? lane.waiting.size : 1
  }

  /** @param size how many records it had */
  #unready(lane: Lane, size: number): void {
    lane.state = 'idle'
    this.#ready.remove(lane)
    this.#sendable -= this.#keepsKeyOrderInBatch ? size : 1
  }

  #laneOf({ topic, key }: OutboundRecord): Lane {
    if (key === undefined) return new Lane(undefined)
    const name = `${topic}\0${key}`
    let lane = this.#named.get(name)
    if (lane === undefined) {
      lane = new Lane(name)
      this.#named.set(name, lane)
    }
    return lane
  }

  #forgetIdle({ name, state }: Lane): void {
    if (state === 'idle' && name !== undefined) this.#named.delete(name)
  }
}
