import type { Clock, Timer } from '../clock.ts'
import { BulkheadFullError } from '../errors/errors.ts'
import { isObserved, type RejectionReason, tell } from './policy-events.ts'
import type { QueueOptions } from './queue-options.ts'
import type { Reading } from './readings.ts'
import { setSharedTimer } from './shared-timers.ts'
import type { Call } from './stage.ts'
import { Waiter, WaitingLine } from './waiting-line.ts'

export interface AdmissionOptions extends QueueOptions {
  /** Of the policy, for events. */
  readonly policy: string
  readonly name: string
  readonly limit: number
  readonly maxQueue: number
  readonly maxQueueMs: number
}

/** A call that waits for a place. It is the listener of its own signal. */
class WaitingCall extends Waiter {
  readonly clock: Clock
  readonly since: number
  readonly #signal: AbortSignal
  readonly #settle: PromiseWithResolvers<void> = Promise.withResolvers<void>()
  timer: Timer | undefined = undefined

  constructor(priority: number, call: Call) {
    super(priority)
    this.clock = call.clock
    this.since = call.clock.now()
    this.#signal = call.signal
    this.#signal.addEventListener('abort', this)
  }

  get promise(): Promise<void> {
    return this.#settle.promise
  }

  handleEvent(): void {
    this.refuse(this.#signal.reason)
  }

  admit(): void {
    this.#end()
    this.#settle.resolve()
  }

  refuse(reason: unknown): void {
    this.#end()
    this.#settle.reject(reason)
  }

  #end(): void {
    this.leave()
    this.timer?.cancel()
    this.#signal.removeEventListener('abort', this)
  }
}

/** Places, of which so many are taken, and who waits for one: what a bulkhead and an adaptive limit have in common. */
export class Admission {
  readonly #options: AdmissionOptions
  readonly #line = new WaitingLine<WaitingCall>()
  #limit: number
  #running = 0
  /** When the queue began not to be empty any more. */
  #busySince = 0

  constructor(options: AdmissionOptions) {
    this.#options = options
    this.#limit = options.limit
  }

  get running(): number {
    return this.#running
  }

  get queued(): number {
    return this.#line.size
  }

  get limit(): number {
    return this.#limit
  }

  /** Places that are taken above a lower limit are not taken away; free ones below a higher limit are given out. */
  set limit(limit: number) {
    this.#limit = limit
    while (this.#running < this.#limit && this.#handOver()) this.#running++
  }

  /**
   * Takes a place: at once, or by a promise that rejects when the call's signal aborts or its time in the queue is over.
   * @throws BulkheadFullError when there is neither a place nor room in the queue
   */
  enter(call: Call): void | Promise<void> {
    if (this.#running < this.#limit) {
      this.#running++
      return
    }
    const { maxQueue, priority } = this.#options
    const own = priorityOf(priority, call)
    if (this.#line.size >= maxQueue) {
      const least = maxQueue === 0 ? undefined : this.#line.least(own)
      if (least === undefined) throw this.#refusal('limit', this.#fullMessage())
      least.refuse(this.#refusal('displaced', 'a call of a higher priority took its place in the queue'))
    }
    return this.#wait(call, own)
  }

  /** Gives a place back: to the next in the queue. */
  readonly release = (): void => {
    if (this.#running > this.#limit || !this.#handOver()) this.#running--
  }

  readings(): Reading[] {
    const { policy, name } = this.#options
    return [
      { kind: 'running', policy, name, value: this.#running },
      { kind: 'queued', policy, name, value: this.queued },
      { kind: 'limit', policy, name, value: this.#limit },
    ]
  }

  #wait(call: Call, priority: number): Promise<void> {
    const waiting = new WaitingCall(priority, call)
    const { since, clock } = waiting
    if (this.#line.size === 0) this.#busySince = since
    const mostMs = this.#isOverloaded(since) ? (this.#options.overloadQueueMs ?? 0) : this.#options.maxQueueMs
    if (mostMs !== Number.POSITIVE_INFINITY) {
      waiting.timer = setSharedTimer(clock, since, mostMs, () => {
        waiting.refuse(this.#refusal('queue-time', `no place became free within ${mostMs} ms`))
      })
    }
    this.#line.add(waiting)
    return waiting.promise
  }

  #isOverloaded(now: number): boolean {
    const { maxQueueMs, overloadQueueMs } = this.#options
    return overloadQueueMs !== undefined && this.#line.size > 0 && now - this.#busySince >= maxQueueMs
  }

  #handOver(): boolean {
    const oldest = this.#line.first(false)
    if (oldest === undefined) return false
    const now = oldest.clock.now()
    const next = this.#isOverloaded(now) ? (this.#line.first(true) ?? oldest) : oldest
    next.admit()
    const { policy, name } = this.#options
    if (isObserved()) tell({ policy, name, event: 'admission', waitedMs: now - next.since })
    return true
  }

  #fullMessage(): string {
    return `${this.#running} calls are running and ${this.#line.size} are waiting, which is all that is allowed`
  }

  #refusal(reason: RejectionReason, message: string): BulkheadFullError {
    const { policy, name, maxQueue } = this.#options
    if (isObserved()) tell({ policy, name, event: 'rejection', reason })
    return new BulkheadFullError(message, { details: { reason, limit: this.#limit, maxQueue } })
  }
}

function priorityOf(priority: QueueOptions['priority'], call: Call): number {
  if (priority === undefined) return 0
  const own = priority(call)
  // The function may have ended its own call: nobody would take it out of the queue again.
  call.signal.throwIfAborted()
  return Number.isNaN(own) ? 0 : own
}
