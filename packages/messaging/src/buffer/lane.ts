import type { Due } from '../due-heap.ts'
import { type Linked, List } from '../list.ts'
import type { Place } from './entry.ts'

/**
 * Records that keep their order among themselves: those of one topic and key. A record without key has a lane to itself. A lane is
 * `ready` (its first record may go), `delayed` (its first record was refused and is not due again), `out` (one of its records is in a
 * request, so that no other may go: it could overtake) or `idle` (empty).
 */
export class Lane implements Linked<Lane>, Due {
  /** Undefined for a record without key. */
  readonly name: string | undefined
  readonly waiting: List<Place> = new List<Place>()
  state: 'idle' | 'ready' | 'delayed' | 'out' = 'idle'
  list: List<Lane> | undefined
  previous: Lane | undefined
  next: Lane | undefined
  dueAt = 0
  order = 0
  heapAt = -1

  constructor(name: string | undefined) {
    this.name = name
    this.list = this.previous = this.next = undefined
  }
}
