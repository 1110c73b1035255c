import { type Linked, LinkedList } from './linked-list.ts'
import type { MemoryRecord } from './record.ts'

/** A record in the queue of one group. */
export class QueuedRecord implements Linked<QueuedRecord> {
  readonly record: MemoryRecord
  /** How often it was handed over. */
  deliveries = 0
  state: 'waiting' | 'delayed' | 'unsettled' | 'gone' = 'waiting'
  /** Set while the record waits in a lane or is unsettled. */
  lane: Lane | undefined
  next: QueuedRecord | undefined

  constructor(record: MemoryRecord) {
    this.record = record
  }
}

/** Records that wait in one order. */
export class Lane implements Linked<Lane> {
  /** What deliveries call it; undefined for records that belong to no lane. */
  readonly name: string | undefined
  /** Where the queue keeps it, when it is exclusive. */
  readonly key: string
  readonly records: LinkedList<QueuedRecord> = new LinkedList()
  unsettled = 0
  /** Whether it stands among the ready lanes of its queue. */
  isReady = false
  next: Lane | undefined

  constructor(name: string | undefined, key = '') {
    this.name = name
    this.key = key
  }

  /** An exclusive lane has at most one unsettled record. */
  get isBlocked(): boolean {
    return this.name !== undefined && this.unsettled > 0
  }
}
