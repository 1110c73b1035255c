import type { SubscribeRequest } from '../broker.ts'
import { Lane, QueuedRecord } from './lane.ts'
import type { Linked } from './linked-list.ts'
import { ReadyLanes } from './ready-lanes.ts'
import { isExpired, type MemoryRecord } from './record.ts'

export type LaneMode = SubscribeRequest['lanes']

/** Where nobody consumes, removed records would stay linked; their lanes are built again once this many are gone. */
const GONE_WORTH_A_SWEEP = 64

/** What a queue needs of those who consume from it. */
export interface QueueConsumer {
  readonly lanes: LaneMode
  readonly ordered: boolean
  readonly hasCredit: boolean
  deliver(queue: GroupQueue, queued: QueuedRecord): void
  /** There is a record, but no credit: the consumer schedules the queue when it has credit again. */
  waitFor(queue: GroupQueue): void
}

/**
 * The records of one topic for one group (or one ephemeral subscriber), from publishing until they are settled. Order is
 * kept per lane over all consumers of the group. Every step is O(1), except those for administration.
 */
export class GroupQueue implements Linked<GroupQueue> {
  readonly topic: string
  /** Undefined for an ephemeral subscriber. */
  readonly group: string | undefined
  /** Everything unsettled, by id, oldest first: what waits, what is delayed, what is handed over. */
  readonly #records = new Map<string, QueuedRecord>()
  readonly #consumers: QueueConsumer[] = []
  #mode: LaneMode = 'none'
  #exclusive = new Map<string, Lane>()
  /** Records without a lane, by priority. */
  #loose: Lane[] = []
  #ready = new ReadyLanes()
  #handedOver = 0
  #delayed = 0
  /** Removed records that their lanes still link. */
  #goneInLanes = 0
  #turn = 0
  #isOrdered = false
  #activeConsumer: QueueConsumer | undefined
  /** The dispatcher's: whether it is in its list, and what comes after it there. */
  isScheduled = false
  next: GroupQueue | undefined

  constructor(topic: string, group: string | undefined) {
    this.topic = topic
    this.group = group
  }

  /** Records that are not settled: waiting, delayed or handed over. */
  get size(): number {
    return this.#records.size
  }

  /** The same without those that wait for their time. */
  get due(): number {
    return this.#records.size - this.#delayed
  }

  get hasReady(): boolean {
    return !this.#ready.isEmpty
  }

  /** @param isDelayed it becomes deliverable only by `release` */
  add(record: MemoryRecord, isDelayed = false): QueuedRecord {
    const queued = new QueuedRecord(record)
    this.#records.set(record.id, queued)
    if (isDelayed) {
      queued.state = 'delayed'
      this.#delayed++
    } else this.#append(queued)
    return queued
  }

  /** Ends the delay of a record, unless it was removed meanwhile. */
  release(queued: QueuedRecord): void {
    if (queued.state !== 'delayed') return
    this.#delayed--
    this.#append(queued)
  }

  attach(consumer: QueueConsumer): void {
    this.#consumers.push(consumer)
    this.#isOrdered = this.#consumers.some(({ ordered }) => ordered)
    const mode = strictest(this.#consumers)
    if (mode !== this.#mode) this.#rebuild(mode)
  }

  detach(consumer: QueueConsumer): void {
    const index = this.#consumers.indexOf(consumer)
    if (index >= 0) this.#consumers.splice(index, 1)
    this.#isOrdered = this.#consumers.some(({ ordered }) => ordered)
  }

  /** Hands over one record to a consumer with credit. False when there is no such record or no such consumer. */
  deliverOne(wall: () => number): boolean {
    if (this.#ready.isEmpty) return false
    const consumer = this.#nextConsumer()
    if (consumer === undefined) return false
    const queued = this.#take(wall)
    if (queued === undefined) return false
    queued.deliveries++
    consumer.deliver(this, queued)
    return true
  }

  ack(queued: QueuedRecord): void {
    if (this.#records.get(queued.record.id) === queued) this.#records.delete(queued.record.id)
    this.#settled(queued, 'gone')
  }

  /** Gives a record back: it comes first in its lane. A record that was purged meanwhile is gone. */
  giveBack(queued: QueuedRecord): void {
    const isKept = this.#records.get(queued.record.id) === queued
    this.#settled(queued, isKept ? 'waiting' : 'gone')
    if (isKept) this.#enqueue(queued, 'first')
  }

  /** What is not handed over, oldest first. */
  *waiting(): Generator<MemoryRecord> {
    for (const { record, state } of this.#records.values()) if (state !== 'unsettled') yield record
  }

  /** Removes a record that is not handed over. */
  remove(id: string): boolean {
    const queued = this.#records.get(id)
    if (queued === undefined || queued.state === 'unsettled') return false
    if (queued.state === 'waiting') this.#goneInLanes++
    else this.#delayed--
    queued.state = 'gone'
    this.#records.delete(id)
    if (this.#goneInLanes > GONE_WORTH_A_SWEEP && this.#goneInLanes > this.#records.size) this.#rebuild(this.#mode)
    return true
  }

  /** Removes all that is not handed over. */
  purge(): number {
    let removed = 0
    for (const id of this.#records.keys()) if (this.remove(id)) removed++
    return removed
  }

  #append(queued: QueuedRecord): void {
    queued.state = 'waiting'
    this.#enqueue(queued, 'last')
  }

  #enqueue(queued: QueuedRecord, place: 'first' | 'last'): void {
    const lane = this.#laneOf(queued.record)
    queued.lane = lane
    if (place === 'first') lane.records.unshift(queued)
    else lane.records.push(queued)
    this.#ready.offer(lane)
  }

  #settled(queued: QueuedRecord, state: 'waiting' | 'gone'): void {
    queued.state = state
    this.#handedOver--
    const lane = queued.lane
    queued.lane = undefined
    if (lane === undefined) return
    lane.unsettled--
    this.#ready.offer(lane)
    this.#dropIfIdle(lane)
  }

  #take(wall: () => number): QueuedRecord | undefined {
    for (let lane = this.#ready.take(); lane !== undefined; lane = this.#ready.take()) {
      for (let queued = lane.records.shift(); queued !== undefined; queued = lane.records.shift()) {
        if (queued.state === 'gone') {
          this.#goneInLanes--
          continue
        }
        if (queued.record.expiresAt !== undefined && isExpired(queued.record, wall())) {
          queued.state = 'gone'
          this.#records.delete(queued.record.id)
          continue
        }
        queued.state = 'unsettled'
        lane.unsettled++
        this.#handedOver++
        this.#ready.offer(lane)
        return queued
      }
      this.#dropIfIdle(lane)
    }
    return undefined
  }

  /** Consumers take turns; with an ordered one among them the first is the only active one, until it has left and settled. */
  #nextConsumer(): QueueConsumer | undefined {
    const consumers = this.#consumers
    if (this.#isOrdered) {
      const first = consumers[0]
      if (first !== this.#activeConsumer && this.#handedOver > 0) return undefined
      this.#activeConsumer = first
      if (first?.hasCredit) return first
      first?.waitFor(this)
      return undefined
    }
    for (let tried = 0; tried < consumers.length; tried++) {
      this.#turn = (this.#turn + 1) % consumers.length
      const consumer = consumers[this.#turn]
      if (consumer?.hasCredit) return consumer
    }
    for (const consumer of consumers) consumer.waitFor(this)
    return undefined
  }

  #laneOf(record: MemoryRecord): Lane {
    const key = this.#mode === 'key' ? record.key : this.#mode === 'source' ? '' : undefined
    if (key === undefined) {
      this.#loose[record.priority] ??= new Lane(undefined)
      return this.#loose[record.priority] as Lane
    }
    let lane = this.#exclusive.get(key)
    if (lane === undefined) {
      lane = new Lane(this.#mode === 'source' ? this.topic : `${this.topic}/${key}`, key)
      this.#exclusive.set(key, lane)
    }
    return lane
  }

  /** Keys come and go without end; their lanes must not stay. */
  #dropIfIdle(lane: Lane): void {
    if (lane.name !== undefined && lane.unsettled === 0 && lane.records.first === undefined) this.#exclusive.delete(lane.key)
  }

  #rebuild(mode: LaneMode): void {
    this.#mode = mode
    this.#goneInLanes = 0
    this.#exclusive = new Map()
    this.#loose = []
    this.#ready = new ReadyLanes()
    for (const queued of this.#records.values()) {
      queued.next = undefined
      if (queued.state === 'waiting') {
        const lane = this.#laneOf(queued.record)
        queued.lane = lane
        lane.records.push(queued)
      } else if (queued.state === 'unsettled') {
        queued.lane = this.#laneOf(queued.record)
        queued.lane.unsettled++
      }
    }
    for (const lane of [...this.#exclusive.values(), ...this.#loose]) if (lane !== undefined) this.#ready.offer(lane)
  }
}

/** Consumers of one group should agree; where they do not, the strictest order holds. */
function strictest(consumers: readonly QueueConsumer[]): LaneMode {
  if (consumers.some(({ lanes }) => lanes === 'source')) return 'source'
  return consumers.some(({ lanes }) => lanes === 'key') ? 'key' : 'none'
}
