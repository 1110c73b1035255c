import type { CommunicationError } from '@comm/core'
import type { HeaderValue, OutboundRecord } from '../broker.ts'
import type { Linked, List } from '../list.ts'
import type { Lane } from './lane.ts'
import type { Request } from './request.ts'

/** Who published a record; told once what became of it. */
export interface Waiter {
  /** The broker has it. */
  confirmed(): void
  failed(error: CommunicationError): void
}

/** A publish that has not been settled: it waits for room, for its turn, or is in a request. */
export class Entry implements Linked<Entry> {
  readonly record: OutboundRecord
  readonly waiter: Waiter
  readonly bytes: number
  /** By the buffer's clock. */
  readonly deadlineAt: number
  readonly timeoutMs: number
  /** Not held by the bounds, and never dropped for a newer one. */
  readonly isUrgent: boolean
  list: List<Entry> | undefined
  previous: Entry | undefined
  next: Entry | undefined
  /** Where it waits for its turn, once it is accepted. */
  place: Place | undefined
  /** While it is being sent. */
  request: Request | undefined
  isSettled = false
  /** Accepted, so that it counts against the bounds. */
  isCounted = false
  failures = 0
  /** Not sent again before. */
  dueAt = 0
  lastError: CommunicationError | undefined
  /** Whether the broker may have it, as far as known. */
  stored: 'no' | 'unknown' = 'no'
  /** Removes the listener on the caller's signal. */
  detach: (() => void) | undefined

  constructor(record: OutboundRecord, waiter: Waiter, deadlineAt: number, timeoutMs: number, isUrgent: boolean) {
    this.record = record
    this.waiter = waiter
    this.bytes = sizeOf(record)
    this.deadlineAt = deadlineAt
    this.timeoutMs = timeoutMs
    this.isUrgent = isUrgent
    this.list = this.previous = this.next = this.place = this.request = this.lastError = this.detach = undefined
  }

  /** For messages to people. */
  get what(): string {
    return `a message for ${this.record.topic}`
  }

  /** Whether the broker may have it. */
  get storedNow(): 'no' | 'unknown' {
    return this.request === undefined ? this.stored : 'unknown'
  }
}

/** An entry's place in its lane. */
export class Place implements Linked<Place> {
  readonly entry: Entry
  readonly lane: Lane
  list: List<Place> | undefined
  previous: Place | undefined
  next: Place | undefined

  constructor(entry: Entry, lane: Lane) {
    this.entry = entry
    this.lane = lane
    this.list = this.previous = this.next = undefined
  }
}

function sizeOf({ body, headers }: OutboundRecord): number {
  let bytes = body.byteLength
  for (const name in headers) bytes += name.length + (headers[name] as HeaderValue).length
  return bytes
}
