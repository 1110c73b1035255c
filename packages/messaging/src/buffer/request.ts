import type { Linked, List } from '../list.ts'
import type { Entry } from './entry.ts'

/** One call of the adapter's `publish` that has not been answered. */
export class Request implements Linked<Request> {
  readonly entries: readonly Entry[]
  /** Aborts when nobody waits for any of its records any more. */
  readonly controller: AbortController
  /** How many outages were counted when it was sent: what it tells of them may be old news. */
  readonly outagesBefore: number
  /** By the buffer's clock. */
  readonly sentAt: number
  /** Out for so long that others do not wait for it any more. */
  isOverdue = false
  /** Records that have not been settled meanwhile. */
  left: number
  list: List<Request> | undefined
  previous: Request | undefined
  next: Request | undefined

  constructor(entries: readonly Entry[], controller: AbortController, outagesBefore: number, sentAt: number) {
    this.entries = entries
    this.controller = controller
    this.outagesBefore = outagesBefore
    this.sentAt = sentAt
    this.left = entries.length
    this.list = this.previous = this.next = undefined
    for (const entry of entries) entry.request = this
  }
}
