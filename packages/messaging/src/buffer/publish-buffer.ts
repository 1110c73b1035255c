import { CommunicationError, PublishError, unlessAborted } from '@comm/core'
import type { OutboundRecord } from '../broker.ts'
import { List } from '../list.ts'
import type { BufferOptions } from '../options/buffer-options.ts'
import { DeadlineTimer } from './deadline-timer.ts'
import { Dispatcher, type DispatcherParts } from './dispatcher.ts'
import { Entry, type Waiter } from './entry.ts'
import { SendQueue } from './send-queue.ts'

export interface PublishBufferParts extends Pick<DispatcherParts, 'send' | 'clock' | 'random'> {
  /** Records of one key may share a request: `features.keepsKeyOrderInBatch`. */
  readonly keepsKeyOrderInBatch: boolean
  readonly options: Required<BufferOptions>
}

export interface AddOptions {
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
  /** Our own retries and dead letters: bounded by the consumers' credits, so the buffer's bounds do not hold them up. */
  readonly urgent?: boolean
}

/** After looking for publishes whose time is up, the next look is this much later: a deadline may be late by it, looking costs little. */
const BETWEEN_LOOKS_MS = 5

/**
 * Holds messages until the broker has confirmed them, in bounded memory. Several requests may be outstanding; what arrives meanwhile
 * makes up the next. A message that the broker refused for now is sent again before later ones of its key. Each publish settles:
 * confirmed, refused for good, or at its deadline.
 */
export class PublishBuffer {
  readonly #parts: PublishBufferParts
  readonly #queue: SendQueue
  readonly #dispatcher: Dispatcher
  readonly #deadline: DeadlineTimer
  /** Publishes that wait for room. */
  readonly #blocked = new List<Entry>()
  #count = 0
  #bytes = 0
  #emptied: PromiseWithResolvers<void> | undefined
  #closed: CommunicationError | undefined

  constructor(parts: PublishBufferParts) {
    const { keepsKeyOrderInBatch, options, send, clock, random } = parts
    const { maxBatch, backoff } = options
    this.#parts = parts
    this.#queue = new SendQueue(keepsKeyOrderInBatch, maxBatch)
    this.#deadline = new DeadlineTimer(clock, () => this.#expire())
    this.#dispatcher = new Dispatcher({ send, maxBatch, backoff, clock, random }, this.#queue, {
      confirmed: (entry) => {
        this.#settle(entry)
        entry.waiter.confirmed()
      },
      failed: (entry, error) => this.#fail(entry, error),
    })
  }

  /** Accepted and not yet settled. */
  get size(): { readonly messages: number; readonly bytes: number } {
    return { messages: this.#count, bytes: this.#bytes }
  }

  /** `add` as a promise, rejected with what `add` tells its waiter. */
  publish(record: OutboundRecord, options: AddOptions): Promise<void> {
    return new Promise((confirmed, failed) => this.add(record, options, { confirmed, failed }))
  }

  /**
   * Takes a record, and tells the waiter, once, what became of it: confirmed by the broker, or failed with a PublishError (refused for
   * good, not confirmed in time, COMM_BUFFER_FULL; `stored` says whether the broker may have it) or a CommunicationError COMM_ABORTED,
   * COMM_CLOSED. Never throws.
   */
  add(record: OutboundRecord, options: AddOptions, waiter: Waiter): void {
    const { signal, timeoutMs, urgent = false } = options
    if (this.#closed !== undefined) return waiter.failed(this.#closed)
    if (signal?.aborted) return waiter.failed(aborted(record, signal, 'no'))
    const entry = new Entry(record, waiter, this.#parts.clock.now() + timeoutMs, timeoutMs, urgent)
    if (!this.#place(entry)) return
    if (signal !== undefined) {
      const abort = (): void => this.#fail(entry, aborted(record, signal, entry.storedNow))
      signal.addEventListener('abort', abort)
      entry.detach = () => signal.removeEventListener('abort', abort)
    }
    this.#deadline.until(entry.deadlineAt)
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
      const { code } = error
      const message = `${entry.what} was not confirmed: ${error.message}`
      this.#fail(entry, new PublishError(message, { code, stored: entry.storedNow }))
    }
    this.#dispatcher.close(error)
    this.#deadline.cancel()
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
    const dropped = whenFull === 'dropOldest' ? this.#oldestInTheWayOf(entry) : undefined
    if (dropped !== undefined) {
      for (const oldest of dropped) this.#fail(oldest, this.#full(oldest, 'dropped for a newer one'))
      this.#accept(entry)
      return true
    }
    this.#fail(entry, this.#full(entry, 'refused'))
    return false
  }

  /** A record larger than the whole buffer is let into an empty one: it could never go out otherwise. */
  #hasRoom(entry: Entry, count: number = this.#count, bytes: number = this.#bytes): boolean {
    const { maxMessages, maxBytes } = this.#parts.options
    return count < maxMessages && (count === 0 || bytes + entry.bytes <= maxBytes)
  }

  /** What has to be dropped to make room. @returns undefined when all that can be dropped would not be enough */
  #oldestInTheWayOf(entry: Entry): readonly Entry[] | undefined {
    const oldest: Entry[] = []
    let [count, bytes] = [this.#count, this.#bytes]
    for (let each = this.#queue.oldest; !this.#hasRoom(entry, count, bytes); each = each.next) {
      if (each === undefined) return undefined
      if (each.isUrgent) continue
      oldest.push(each)
      count--
      bytes -= each.bytes
    }
    return oldest
  }

  #full(entry: Entry, fate: string): PublishError {
    const { maxMessages, maxBytes } = this.#parts.options
    const fill = `${this.#count} of ${maxMessages} messages, ${this.#bytes} of ${maxBytes} bytes`
    const because = entry.lastError === undefined ? '' : `; the broker's last answer: ${entry.lastError.message}`
    return new PublishError(`${entry.what} was ${fate}: the publish buffer is full (${fill})${because}`, {
      code: 'COMM_BUFFER_FULL',
      stored: entry.stored,
      cause: entry.lastError,
    })
  }

  #accept(entry: Entry): void {
    entry.isCounted = true
    this.#count++
    this.#bytes += entry.bytes
    this.#queue.add(entry)
    this.#dispatcher.schedule()
  }

  #admitBlocked(): void {
    for (let entry = this.#blocked.first; entry !== undefined && this.#hasRoom(entry); entry = this.#blocked.first) {
      this.#blocked.remove(entry)
      this.#accept(entry)
    }
  }

  #fail(entry: Entry, error: CommunicationError): void {
    if (entry.isSettled) return
    const { request } = entry
    this.#settle(entry)
    if (request !== undefined) this.#dispatcher.settledEarly(request)
    entry.waiter.failed(error)
  }

  #settle(entry: Entry): void {
    entry.isSettled = true
    if (entry.list === this.#blocked) this.#blocked.remove(entry)
    else if (entry.list !== undefined && this.#queue.remove(entry)) this.#dispatcher.schedule()
    entry.detach?.()
    if (entry.isCounted) {
      this.#count--
      this.#bytes -= entry.bytes
      this.#admitBlocked()
    }
    if (!this.#isEmpty) return
    this.#deadline.rest()
    this.#dispatcher.rest()
    this.#emptied?.resolve()
    this.#emptied = undefined
  }

  get #isEmpty(): boolean {
    return this.#count === 0 && this.#blocked.first === undefined
  }

  #expire(): void {
    const now = this.#parts.clock.now()
    let earliest = Number.POSITIVE_INFINITY
    for (const entry of this.#all()) {
      if (entry.isSettled) continue
      if (entry.deadlineAt <= now) this.#fail(entry, this.#late(entry))
      else earliest = Math.min(earliest, entry.deadlineAt)
    }
    if (earliest < Number.POSITIVE_INFINITY) this.#deadline.until(Math.max(earliest, now + BETWEEN_LOOKS_MS))
  }

  #late(entry: Entry): PublishError {
    const reason = entry.isCounted ? (entry.lastError?.message ?? 'the broker did not answer') : 'the publish buffer stayed full'
    return new PublishError(`${entry.what} was not confirmed within ${entry.timeoutMs} ms: ${reason}`, {
      stored: entry.storedNow,
      cause: entry.lastError,
      ...(entry.isCounted ? {} : { code: 'COMM_BUFFER_FULL' as const }),
    })
  }

  #all(): Entry[] {
    const all = this.#dispatcher.inFlight
    for (const first of [this.#queue.oldest, this.#blocked.first]) {
      for (let entry = first; entry !== undefined; entry = entry.next) all.push(entry)
    }
    return all
  }
}

function aborted(record: OutboundRecord, signal: AbortSignal, stored: 'no' | 'unknown'): CommunicationError {
  return new CommunicationError(`the caller aborted the publish of a message for ${record.topic}`, {
    code: 'COMM_ABORTED',
    cause: signal.reason,
    details: { stored },
  })
}
