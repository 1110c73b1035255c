import type { Delivery, HeaderValue } from '../broker.ts'
import type { GroupQueue } from './group-queue.ts'
import type { QueuedRecord } from './lane.ts'

export type Settlement = 'ack' | 'requeue'
export type SettleAnswer = 'settled' | 'lost'

/** Who handed a delivery over. */
export interface DeliveryOwner {
  readonly lost: AbortSignal
  settle(delivery: MemoryDelivery, how: Settlement): SettleAnswer
}

const SETTLED: Promise<SettleAnswer> = Promise.resolve('settled')
const LOST: Promise<SettleAnswer> = Promise.resolve('lost')

/** The body and the headers are the broker's own, shared by all groups: to be read, not changed. */
export class MemoryDelivery implements Delivery {
  readonly queue: GroupQueue
  readonly queued: QueuedRecord
  readonly lane: string | undefined
  readonly redeliveries: number
  readonly #owner: DeliveryOwner
  #answer: Promise<SettleAnswer> | undefined

  constructor(owner: DeliveryOwner, queue: GroupQueue, queued: QueuedRecord, lane: string | undefined) {
    this.#owner = owner
    this.queue = queue
    this.queued = queued
    this.lane = lane
    this.redeliveries = queued.deliveries - 1
  }

  get topic(): string {
    return this.queued.record.topic
  }
  get id(): string {
    return this.queued.record.id
  }
  get key(): string | undefined {
    return this.queued.record.key
  }
  get body(): Uint8Array {
    return this.queued.record.body
  }
  get headers(): Readonly<Record<string, HeaderValue>> {
    return this.queued.record.headers
  }
  get timestamp(): number {
    return this.queued.record.timestamp
  }
  get lost(): AbortSignal {
    return this.#owner.lost
  }

  settle(how: Settlement): Promise<SettleAnswer> {
    this.#answer ??= this.#owner.settle(this, how) === 'settled' ? SETTLED : LOST
    return this.#answer
  }
}
