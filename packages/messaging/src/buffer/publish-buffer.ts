import { AsyncLocalStorage } from 'node:async_hooks'
import { type Clock, CommunicationError, exponentialBackoff, PublishError, type Timer } from '@comm/core'
import type { OutboundRecord, PublishResult } from '../broker.ts'
import type { BufferOptions } from '../options/buffer-options.ts'
import { unlessAborted } from '../wait.ts'
import { takeBatch } from './batch.ts'
import { Entry, EntryList, laneOf } from './entry.ts'

export interface PublishBufferParts {
  /** Sends each record once and answers for each, in order: `BrokerAdapter.publish` behind the connection. */
  readonly send: (records: readonly OutboundRecord[], signal: AbortSignal) => Promise<readonly PublishResult[]>
  /** Records of one key may share a request: `features.keepsKeyOrderInBatch`. */
  readonly keepsKeyOrderInBatch: boolean
  readonly options: Required<BufferOptions>
  readonly clock: Clock
  readonly random: () => number
}

export interface AddOptions {
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
  /** Our own retries and dead letters: bounded by the consumers' credits, so the buffer's bounds do not hold them up. */
  readonly urgent?: boolean
}

/** Between two tries at a broker that is away. */
const outageBackoff = exponentialBackoff({ baseMs: 50, maxMs: 2000 })

/**
 * Holds messages until the broker has confirmed them, in bounded memory. One request is outstanding at a time; what arrives meanwhile
 * makes up the next. A message that the broker refused for now is sent again before later ones of its key. Each publish settles:
 * confirmed, refused for good, or at its deadline.
 */
export class PublishBuffer {
  readonly #parts: PublishBufferParts
  /** A request carries the records of many callers, so it runs in the context of none. */
  readonly #outside = AsyncLocalStorage.snapshot()
  readonly #waiting = new EntryList()
  /** Publishes that wait for room. */
  readonly #blocked = new EntryList()
  #sending: readonly Entry[] = []
  #request: AbortController | undefined
  #count = 0
  #bytes = 0
  #isScheduled = false
  #outages = 0
  #pausedUntil = 0
  #resume: Timer | undefined
  #deadline: Timer | undefined
  #deadlineAt = Number.POSITIVE_INFINITY
  #emptied: PromiseWithResolvers<void> | undefined
  #closed: CommunicationError | undefined

  constructor(parts: PublishBufferParts) {
    this.#parts = parts
  }

  /** Accepted and not yet settled. */
  get size(): { readonly messages: number; readonly bytes: number } {
    return { messages: this.#count, bytes: this.#bytes }
  }

  /**
   * Resolves when the broker has confirmed the record.
   * @throws PublishError refused for good, not confirmed in time (`stored` says whether the broker may have it), COMM_BUFFER_FULL;
   *   CommunicationError COMM_ABORTED, COMM_CLOSED
   */
  add(record: OutboundRecord, options: AddOptions): Promise<void> {
    const { signal, timeoutMs, urgent = false } = options
    if (this.#closed !== undefined) return Promise.reject(this.#closed)
    if (signal?.aborted) return Promise.reject(aborted(record, signal, 'no'))
    const entry = new Entry(record, this.#parts.clock.now() + timeoutMs, timeoutMs, urgent)
    const settled = new Promise<void>((resolve, reject) => {
      entry.resolve = resolve
      entry.reject = reject
    })
    if (!this.#place(entry)) return settled
    if (signal !== undefined) {
      const abort = (): void => this.#fail(entry, aborted(record, signal, this.#storedNow(entry)))
      signal.addEventListener('abort', abort)
      entry.detach = () => signal.removeEventListener('abort', abort)
    }
    if (entry.deadlineAt < this.#deadlineAt) this.#armDeadline(entry.deadlineAt)
    return settled
  }

  /** Resolves when nothing is left to settle. @throws the signal's reason */
  async flush(signal?: AbortSignal): Promise<void> {
    if (this.#isEmpty) return
    this.#emptied ??= Promise.withResolvers()
    await unlessAborted(this.#emptied.promise, signal)
  }

  /** Takes no more, and fails what is left. Idempotent. */
  close(error: CommunicationError): void {
    if (this.#closed !== undefined) return
    this.#closed = error
    for (const entry of this.#all()) {
      this.#fail(
        entry,
        new PublishError(`${what(entry)} was not confirmed: ${error.message}`, {
          code: error.code,
          stored: this.#storedNow(entry),
        }),
      )
    }
    this.#resume?.cancel()
    this.#request?.abort(error)
  }

  /** False when the entry was refused at once. */
  #place(entry: Entry): boolean {
    if (entry.isUrgent || (this.#blocked.first === undefined && this.#hasRoom(entry))) {
      this.#accept(entry)
      return true
    }
    const { whenFull } = this.#parts.options
    if (whenFull === 'block') {
      this.#blocked.push(entry)
      return true
    }
    while (whenFull === 'dropOldest' && !this.#hasRoom(entry)) {
      const oldest = this.#oldestDroppable()
      if (oldest === undefined) break
      this.#fail(oldest, this.#full(oldest, 'dropped for a newer one'))
    }
    if (this.#hasRoom(entry)) {
      this.#accept(entry)
      return true
    }
    this.#fail(entry, this.#full(entry, 'refused'))
    return false
  }

  /** A record larger than the whole buffer is let into an empty one: it could never go out otherwise. */
  #hasRoom(entry: Entry): boolean {
    const { maxMessages, maxBytes } = this.#parts.options
    return this.#count < maxMessages && (this.#count === 0 || this.#bytes + entry.bytes <= maxBytes)
  }

  #oldestDroppable(): Entry | undefined {
    let entry = this.#waiting.first
    while (entry?.isUrgent) entry = entry.next
    return entry
  }

  #full(entry: Entry, fate: string): PublishError {
    const { maxMessages, maxBytes } = this.#parts.options
    const fill = `${this.#count} of ${maxMessages} messages, ${this.#bytes} of ${maxBytes} bytes`
    const because = entry.lastError === undefined ? '' : `; the broker's last answer: ${entry.lastError.message}`
    return new PublishError(`${what(entry)} was ${fate}: the publish buffer is full (${fill})${because}`, {
      code: 'COMM_BUFFER_FULL',
      stored: entry.stored,
      cause: entry.lastError,
    })
  }

  #accept(entry: Entry): void {
    entry.isCounted = true
    this.#count++
    this.#bytes += entry.bytes
    this.#waiting.push(entry)
    this.#schedule()
  }

  /** In a microtask, so that publishes made in one go share a request. */
  #schedule(): void {
    if (this.#isScheduled || this.#request !== undefined) return
    this.#isScheduled = true
    queueMicrotask(this.#pump)
  }

  readonly #pump = (): void => {
    this.#isScheduled = false
    if (this.#request !== undefined || this.#closed !== undefined) return
    const now = this.#parts.clock.now()
    if (now < this.#pausedUntil) return this.#resumeAt(this.#pausedUntil, now)
    const { entries, nextDueAt } = takeBatch(this.#waiting, this.#parts.options.maxBatch, this.#parts.keepsKeyOrderInBatch, now)
    if (entries.length > 0) void this.#outside(() => this.#send(entries))
    else if (nextDueAt !== undefined) this.#resumeAt(nextDueAt, now)
  }

  #resumeAt(at: number, now: number): void {
    this.#resume?.cancel()
    this.#resume = this.#parts.clock.setTimer(at - now, () => {
      this.#resume = undefined
      this.#pump()
    })
  }

  async #send(entries: readonly Entry[]): Promise<void> {
    const request = new AbortController()
    this.#request = request
    this.#sending = entries
    let results: readonly PublishResult[] | undefined
    let thrown: CommunicationError | undefined
    try {
      results = await this.#parts.send(
        entries.map(({ record }) => record),
        request.signal,
      )
    } catch (error) {
      thrown = CommunicationError.from(error)
    }
    if (this.#request !== request) return
    this.#request = undefined
    this.#sending = []
    this.#digest(entries, results, thrown)
    this.#admitBlocked()
    if (this.#waiting.first !== undefined) this.#pump()
  }

  #digest(
    entries: readonly Entry[],
    results: readonly PublishResult[] | undefined,
    thrown: CommunicationError | undefined,
  ): void {
    const { clock, options, random } = this.#parts
    const isOutage = entries.every((_, index) => isConnectionLoss(results?.[index], thrown))
    this.#outages = isOutage ? this.#outages + 1 : 0
    const now = clock.now()
    if (isOutage) this.#pausedUntil = now + outageBackoff.delayMs({ retry: this.#outages, previousMs: undefined, random })
    const again: Entry[] = []
    /** When the first refused record of a lane is due again: those behind it were refused for its sake, which is no failure of theirs. */
    const refusedLanes = new Map<string, number>()
    for (const [index, entry] of entries.entries()) {
      if (entry.isSettled) continue
      const result = results?.[index]
      if (result?.ok) {
        this.#settle(entry)
        entry.resolve()
        continue
      }
      const error =
        result?.error ?? thrown ?? new PublishError(`the broker gave no answer for ${what(entry)}`, { stored: 'unknown' })
      if ((result?.stored ?? 'unknown') === 'unknown') entry.stored = 'unknown'
      if (!error.retryable) {
        this.#fail(entry, error)
        continue
      }
      entry.lastError = error
      again.push(entry)
      const lane = laneOf(entry.record)
      const firstDueAt = lane === undefined ? undefined : refusedLanes.get(lane)
      if (firstDueAt === undefined) {
        entry.failures++
        entry.dueAt = isOutage ? 0 : now + options.backoff.delayMs({ retry: entry.failures, previousMs: undefined, random })
        if (lane !== undefined) refusedLanes.set(lane, entry.dueAt)
      } else {
        entry.dueAt = firstDueAt
      }
    }
    // To the front of the queue, in their old order.
    for (const entry of again.reverse()) this.#waiting.unshift(entry)
  }

  #admitBlocked(): void {
    for (let entry = this.#blocked.first; entry !== undefined && this.#hasRoom(entry); entry = this.#blocked.first) {
      this.#blocked.remove(entry)
      this.#accept(entry)
    }
  }

  #fail(entry: Entry, error: CommunicationError): void {
    if (entry.isSettled) return
    this.#settle(entry)
    entry.reject(error)
  }

  #settle(entry: Entry): void {
    entry.isSettled = true
    entry.list?.remove(entry)
    entry.detach?.()
    if (entry.isCounted) {
      this.#count--
      this.#bytes -= entry.bytes
      this.#admitBlocked()
    }
    if (this.#sending.includes(entry) && this.#sending.every(({ isSettled }) => isSettled)) this.#abandonRequest()
    if (!this.#isEmpty) return
    this.#deadline?.cancel()
    this.#deadlineAt = Number.POSITIVE_INFINITY
    this.#resume?.cancel()
    this.#emptied?.resolve()
    this.#emptied = undefined
  }

  /** Nobody waits for any of its records any more: a request that hangs must not hold up the next. */
  #abandonRequest(): void {
    const request = this.#request
    this.#request = undefined
    this.#sending = []
    request?.abort()
    if (this.#waiting.first !== undefined) this.#schedule()
  }

  get #isEmpty(): boolean {
    return this.#count === 0 && this.#blocked.first === undefined
  }

  #armDeadline(at: number): void {
    this.#deadline?.cancel()
    this.#deadlineAt = at
    this.#deadline = this.#parts.clock.setTimer(at - this.#parts.clock.now(), () => this.#expire())
  }

  #expire(): void {
    this.#deadlineAt = Number.POSITIVE_INFINITY
    const now = this.#parts.clock.now()
    let earliest = Number.POSITIVE_INFINITY
    for (const entry of this.#all()) {
      if (entry.deadlineAt <= now) this.#fail(entry, this.#late(entry))
      else earliest = Math.min(earliest, entry.deadlineAt)
    }
    if (earliest < this.#deadlineAt) this.#armDeadline(earliest)
  }

  #late(entry: Entry): PublishError {
    const reason = entry.isCounted ? (entry.lastError?.message ?? 'the broker did not answer') : 'the publish buffer stayed full'
    return new PublishError(`${what(entry)} was not confirmed within ${entry.timeoutMs} ms: ${reason}`, {
      stored: this.#storedNow(entry),
      cause: entry.lastError,
      ...(entry.isCounted ? {} : { code: 'COMM_BUFFER_FULL' as const }),
    })
  }

  #storedNow(entry: Entry): 'no' | 'unknown' {
    return this.#sending.includes(entry) ? 'unknown' : entry.stored
  }

  #all(): Entry[] {
    const all = [...this.#sending]
    for (const list of [this.#waiting, this.#blocked]) {
      for (let entry = list.first; entry !== undefined; entry = entry.next) all.push(entry)
    }
    return all
  }
}

function isConnectionLoss(result: PublishResult | undefined, thrown: CommunicationError | undefined): boolean {
  if (result === undefined) return thrown?.code === 'COMM_CONNECTION'
  return !result.ok && result.error.code === 'COMM_CONNECTION'
}

function what({ record }: Entry): string {
  return `a message for ${record.topic}`
}

function aborted(record: OutboundRecord, signal: AbortSignal, stored: 'no' | 'unknown'): CommunicationError {
  return new CommunicationError(`the caller aborted the publish of a message for ${record.topic}`, {
    code: 'COMM_ABORTED',
    cause: signal.reason,
    details: { stored },
  })
}
