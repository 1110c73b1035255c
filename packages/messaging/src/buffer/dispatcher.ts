import { AsyncLocalStorage } from 'node:async_hooks'
import { type Backoff, type Clock, CommunicationError, exponentialBackoff, PublishError, type Timer } from '@comm/core'
import type { OutboundRecord, PublishResult } from '../broker.ts'
import { List } from '../list.ts'
import { DeadlineTimer } from './deadline-timer.ts'
import type { Entry } from './entry.ts'
import { Request } from './request.ts'
import type { SendQueue } from './send-queue.ts'

export interface DispatcherParts {
  /** Sends each record once and answers for each, in order: `BrokerAdapter.publish` behind the connection. */
  readonly send: (records: readonly OutboundRecord[], signal: AbortSignal) => Promise<readonly PublishResult[]>
  readonly maxBatch: number
  /** Wait before a refused record is sent again. */
  readonly backoff: Backoff
  readonly clock: Clock
  readonly random: () => number
}

/** What becomes of entries; called in their order. */
export interface Verdicts {
  confirmed(entry: Entry): void
  failed(entry: Entry, error: CommunicationError): void
}

/** Requests to the broker at the same time. */
const MOST_OUTSTANDING = 4
/** After so long, and at most as long again, others wait for a request no more. */
const OVERDUE_MS = 1000
/** When so many are overdue, everything waits. */
const MOST_OVERDUE = 16
/** Fewer records than this are not divided into several requests. */
const SMALLEST_SHARE = 16

/** Between two tries at a broker that is away. */
const outageBackoff = exponentialBackoff({ baseMs: 50, maxMs: 2000 })

/**
 * Sends what is in the queue. While one request is being confirmed others go out, so that neither side waits for the other; each takes
 * about a fourth of all that is on its way, and none goes out for less than that fourth of what is already in flight, because many
 * small requests cost more than they gain. A broker that is away is asked by one request at a time. A request that is overdue, because
 * the broker cannot store some record of it, holds up only what it carries, and later records of those lanes.
 */
export class Dispatcher {
  readonly #parts: DispatcherParts
  readonly #queue: SendQueue
  readonly #verdicts: Verdicts
  /** A request carries the records of many callers, so it runs in the context of none. */
  readonly #outside = AsyncLocalStorage.snapshot()
  readonly #requests = new List<Request>()
  /** Of requests that were answered, for later ones: to make one and listen to it costs as much as a small request. */
  readonly #spare: AbortController[] = []
  readonly #overdue: DeadlineTimer
  /** Overdue requests. */
  #late = 0
  /** Records of those that are not overdue. */
  #inFlight = 0
  #isScheduled = false
  #isClosed = false
  #outages = 0
  #pausedUntil = 0
  #resume: Timer | undefined

  constructor(parts: DispatcherParts, queue: SendQueue, verdicts: Verdicts) {
    this.#parts = parts
    this.#queue = queue
    this.#verdicts = verdicts
    this.#overdue = new DeadlineTimer(parts.clock, this.#passOverdue)
  }

  /** Those that are being sent. */
  get inFlight(): Entry[] {
    return [...this.#requests].flatMap(({ entries }) => entries.filter(({ isSettled }) => !isSettled))
  }

  /** Sends in a microtask, so that publishes made in one go share a request. */
  schedule(): void {
    if (this.#isScheduled || this.#awaited >= MOST_OUTSTANDING) return
    this.#isScheduled = true
    queueMicrotask(this.#pump)
  }

  /** Requests that others wait for. */
  get #awaited(): number {
    return this.#requests.size - this.#late
  }

  /** An entry of the request was settled before its answer. When nobody waits for any of its records it must not hold up others. */
  settledEarly(request: Request): void {
    if (--request.left > 0) return
    request.controller.abort()
    this.#end(request, NONE)
    this.schedule()
  }

  /** Nothing is left to send, for now. */
  rest(): void {
    this.#resume?.cancel()
    this.#resume = undefined
    this.#overdue.rest()
  }

  close(reason: CommunicationError): void {
    this.#isClosed = true
    this.rest()
    this.#overdue.cancel()
    for (const request of [...this.#requests]) {
      this.#requests.remove(request)
      request.controller.abort(reason)
    }
  }

  readonly #pump = (): void => {
    this.#isScheduled = false
    if (this.#isClosed || this.#queue.oldest === undefined) return
    const now = this.#parts.clock.now()
    if (now < this.#pausedUntil) return this.#resumeAt(this.#pausedUntil, now)
    this.#queue.wake(now)
    for (let share = this.#nextShare(); share > 0; share = this.#nextShare()) {
      const request = new Request(this.#queue.take(share), this.#spare.pop() ?? new AbortController(), this.#outages, now)
      this.#requests.push(request)
      this.#inFlight += request.entries.length
      void this.#outside(this.#send, request)
    }
    const { nextDueAt, sendable } = this.#queue
    if (sendable > 0 || this.#awaited >= MOST_OUTSTANDING) this.#overdue.until(now + OVERDUE_MS)
    if (nextDueAt !== undefined) this.#resumeAt(nextDueAt, now)
  }

  /** How many records the next request takes; 0: none goes out now. */
  #nextShare(): number {
    const { sendable } = this.#queue
    const outstanding = this.#awaited
    if (this.#late >= MOST_OVERDUE) return 0
    if (outstanding > 0) {
      if (outstanding >= (this.#outages > 0 ? 1 : MOST_OUTSTANDING)) return 0
      if (sendable * MOST_OUTSTANDING < this.#inFlight) return 0
    }
    if (sendable === 0) return 0
    const share = Math.ceil((sendable + this.#inFlight) / MOST_OUTSTANDING)
    return Math.min(Math.max(share, SMALLEST_SHARE), this.#parts.maxBatch)
  }

  /** An outage is over as well then: an adapter that has no connection says so at once. */
  readonly #passOverdue = (): void => {
    const now = this.#parts.clock.now()
    for (const request of this.#requests) {
      if (request.isOverdue || request.sentAt > now - OVERDUE_MS) continue
      request.isOverdue = true
      this.#late++
      this.#inFlight -= request.entries.length
      this.#outages = 0
    }
    if (this.#awaited >= MOST_OUTSTANDING) this.#overdue.until(now + OVERDUE_MS)
    this.#pump()
  }

  #resumeAt(at: number, now: number): void {
    this.#resume?.cancel()
    this.#resume = this.#parts.clock.setTimer(at - now, () => {
      this.#resume = undefined
      this.#pump()
    })
  }

  readonly #send = async (request: Request): Promise<void> => {
    let results: readonly PublishResult[] = NO_RESULTS
    let thrown: CommunicationError | undefined
    try {
      results = await this.#parts.send(
        request.entries.map(({ record }) => record),
        request.controller.signal,
      )
    } catch (error) {
      thrown = CommunicationError.from(error)
    }
    if (request.list !== this.#requests) return
    if (thrown === undefined) this.#spare.push(request.controller)
    this.#digest(request, results, thrown)
    this.#pump()
  }

  #digest(request: Request, results: readonly PublishResult[], thrown: CommunicationError | undefined): void {
    const isOutage = this.#noteOutage(request, results, thrown)
    const { entries } = request
    const again: Entry[] = []
    /** When the first refused record of a lane is due again: those behind it were refused for its sake, which is no failure of theirs. */
    const refusedLanes = new Map<unknown, number>()
    for (let index = 0; index < entries.length; index++) {
      const entry = entries[index] as Entry
      if (entry.isSettled) continue
      const result = results[index]
      entry.request = undefined
      if (result?.ok) {
        this.#verdicts.confirmed(entry)
        continue
      }
      const error = result?.error ?? thrown ?? unanswered(entry)
      if (result?.stored !== 'no') entry.stored = 'unknown'
      if (!error.retryable) {
        this.#verdicts.failed(entry, error)
        continue
      }
      entry.lastError = error
      again.push(entry)
      const lane = entry.place?.lane
      const firstDueAt = refusedLanes.get(lane)
      entry.dueAt = firstDueAt ?? (isOutage ? 0 : this.#dueAgain(entry))
      if (firstDueAt === undefined) refusedLanes.set(lane, entry.dueAt)
    }
    this.#end(request, again)
  }

  #dueAgain(entry: Entry): number {
    const { backoff, clock, random } = this.#parts
    return clock.now() + backoff.delayMs({ retry: ++entry.failures, previousMs: undefined, random })
  }

  /** @returns whether the broker was away. One outage is noticed by every request that it meets, and counts once. */
  #noteOutage(request: Request, results: readonly PublishResult[], thrown: CommunicationError | undefined): boolean {
    const isOutage = request.entries.every((_, index) => isConnectionLoss(results[index], thrown))
    if (!isOutage) this.#outages = 0
    else if (request.outagesBefore === this.#outages) {
      const { clock, random } = this.#parts
      this.#outages++
      this.#pausedUntil = clock.now() + outageBackoff.delayMs({ retry: this.#outages, previousMs: undefined, random })
    }
    return isOutage
  }

  #end(request: Request, again: readonly Entry[]): void {
    if (request.list === this.#requests) this.#requests.remove(request)
    if (request.isOverdue) this.#late--
    else this.#inFlight -= request.entries.length
    this.#queue.giveBack(request.entries, again)
  }
}

const NONE: readonly Entry[] = Object.freeze([])
const NO_RESULTS: readonly PublishResult[] = Object.freeze([])

function unanswered(entry: Entry): PublishError {
  return new PublishError(`the broker gave no answer for ${entry.what}`, { stored: 'unknown' })
}

function isConnectionLoss(result: PublishResult | undefined, thrown: CommunicationError | undefined): boolean {
  if (result === undefined) return thrown?.code === 'COMM_CONNECTION'
  return !result.ok && result.error.code === 'COMM_CONNECTION'
}
