import { type Entry, type EntryList, laneOf } from './entry.ts'

/** A request's bodies and headers stay below this, unless a single record is larger. */
const MOST_BYTES = 1024 * 1024
/** How far to look for records that can go, as a multiple of the batch: the cost of a request does not grow with the backlog. */
const LOOK_AHEAD = 4

export interface Batch {
  readonly entries: readonly Entry[]
  /** When nothing could be taken: the time at which the next may be due. */
  readonly nextDueAt: number | undefined
}

/**
 * Takes the next records out of the queue, oldest first. A record that waits for its resend holds back the later ones of its key; and
 * where a broker may store a later record of a request while it refuses an earlier one, a request has one record of each key.
 */
export function takeBatch(waiting: EntryList, maxBatch: number, keepsKeyOrderInBatch: boolean, now: number): Batch {
  const entries: Entry[] = []
  let heldKeys: Set<string> | undefined
  let bytes = 0
  let nextDueAt: number | undefined
  let looked = 0
  for (let entry = waiting.first, next: Entry | undefined; entry !== undefined; entry = next) {
    if (entries.length >= maxBatch || looked++ >= maxBatch * LOOK_AHEAD) break
    next = entry.next
    const lane = laneOf(entry.record)
    if (lane !== undefined && heldKeys?.has(lane)) continue
    const isDue = entry.dueAt <= now
    if (lane !== undefined && !(isDue && keepsKeyOrderInBatch)) {
      heldKeys ??= new Set()
      heldKeys.add(lane)
    }
    if (!isDue) {
      nextDueAt = Math.min(nextDueAt ?? Number.POSITIVE_INFINITY, entry.dueAt)
      continue
    }
    if (entries.length > 0 && bytes + entry.bytes > MOST_BYTES) break
    bytes += entry.bytes
    waiting.remove(entry)
    entries.push(entry)
  }
  return { entries, nextDueAt }
}
