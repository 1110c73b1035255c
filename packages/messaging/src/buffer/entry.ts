import type { CommunicationError } from '@comm/core'
import type { HeaderValue, OutboundRecord } from '../broker.ts'

/** A publish that has not been settled. It is in one list at a time, or in the request that is being sent. */
export class Entry {
  readonly record: OutboundRecord
  readonly bytes: number
  /** By the buffer's clock. */
  readonly deadlineAt: number
  readonly timeoutMs: number
  /** Not held by the bounds, and never dropped for a newer one. */
  readonly isUrgent: boolean
  list: EntryList | undefined
  previous: Entry | undefined
  next: Entry | undefined
  isSettled = false
  /** Accepted, so that it counts against the bounds. */
  isCounted = false
  failures = 0
  /** Not sent again before. */
  dueAt = 0
  lastError: CommunicationError | undefined
  /** Whether the broker may have it, as far as known. */
  stored: 'no' | 'unknown' = 'no'
  resolve: () => void = ignore
  reject: (error: CommunicationError) => void = ignore
  /** Removes the listener on the caller's signal. */
  detach: (() => void) | undefined

  constructor(record: OutboundRecord, deadlineAt: number, timeoutMs: number, isUrgent: boolean) {
    this.record = record
    this.bytes = sizeOf(record)
    this.deadlineAt = deadlineAt
    this.timeoutMs = timeoutMs
    this.isUrgent = isUrgent
  }
}

/** Records of one lane keep their order; undefined for a record without key, which has none. */
export function laneOf({ topic, key }: OutboundRecord): string | undefined {
  return key === undefined ? undefined : `${topic}\0${key}`
}

function ignore(): void {}

function sizeOf({ body, headers }: OutboundRecord): number {
  let bytes = body.byteLength
  for (const name in headers) bytes += name.length + (headers[name] as HeaderValue).length
  return bytes
}

/** A queue out of which any entry can be taken, each step O(1). */
export class EntryList {
  #first: Entry | undefined
  #last: Entry | undefined

  get first(): Entry | undefined {
    return this.#first
  }

  push(entry: Entry): void {
    entry.list = this
    entry.previous = this.#last
    if (this.#last === undefined) this.#first = entry
    else this.#last.next = entry
    this.#last = entry
  }

  unshift(entry: Entry): void {
    entry.list = this
    entry.next = this.#first
    if (this.#first === undefined) this.#last = entry
    else this.#first.previous = entry
    this.#first = entry
  }

  remove(entry: Entry): void {
    if (entry.previous === undefined) this.#first = entry.next
    else entry.previous.next = entry.next
    if (entry.next === undefined) this.#last = entry.previous
    else entry.next.previous = entry.previous
    entry.list = entry.previous = entry.next = undefined
  }
}
