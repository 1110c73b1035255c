import type { Principal } from '@comm/core'
import type { Headers } from './headers.ts'
import type { ManualMeta, Message } from './message.ts'
import { deadLetter, type HandlerVerdict, type Outcome, RELEASE, RETRY, retryAfter } from './outcome.ts'

/** One run of the handler. Each has a signal of its own, so that one left behind never sees the signal of the next. */
export class Attempt implements ManualMeta {
  readonly attempt: number
  readonly #message: Message
  readonly #deadlineAt: number
  readonly #now: () => number
  /** Called when the attempt is aborted, after its signal. */
  onAbort: ((outcome: Outcome) => void) | undefined
  /** Takes the verdict of a handler that gives it by hand; called once at most. */
  onVerdict: ((verdict: HandlerVerdict | undefined) => void) | undefined
  /** The handler was called: no policy in front of it refused. */
  wasCalled = false
  /** Set when the attempt was aborted: what becomes of the message, whatever the handler does now. */
  abortOutcome: Outcome | undefined
  #controller: AbortController | undefined
  #onLost: (() => void) | undefined
  #reason: unknown
  #over = false

  /** @param deadlineAt by the same clock as `now` */
  constructor(message: Message, deadlineAt: number, now: () => number) {
    this.#message = message
    this.attempt = message.attempt
    this.#deadlineAt = deadlineAt
    this.#now = now
    this.onAbort = this.onVerdict = this.abortOutcome = undefined
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      const { lost } = this.#message.delivery
      if (this.abortOutcome !== undefined) this.#controller.abort(this.#reason)
      else if (lost.aborted) this.#controller.abort(lost.reason)
      else if (!this.#over) {
        this.#onLost = () => this.abort(lost.reason)
        lost.addEventListener('abort', this.#onLost)
      }
    }
    return this.#controller.signal
  }

  get deadlineAt(): number {
    return this.#deadlineAt
  }

  // What follows is often taken out of the meta by its name, so it must not need to be called on it.
  get remainingMs(): () => number {
    return () => Math.max(0, this.#deadlineAt - this.#now())
  }

  abort(reason: unknown, outcome: Outcome = RELEASE): void {
    if (this.#over) return
    this.#reason = reason
    this.abortOutcome = outcome
    this.#controller?.abort(reason)
    this.end()
    this.onAbort?.(outcome)
  }

  get ack(): () => boolean {
    return () => this.#judge(undefined)
  }

  get retry(): (afterMs?: number) => boolean {
    return (afterMs) => this.#judge(afterMs === undefined ? RETRY : retryAfter(afterMs))
  }

  get deadLetter(): (why: string) => boolean {
    return (why) => this.#judge(deadLetter(why))
  }

  #judge(verdict: HandlerVerdict | undefined): boolean {
    const tell = this.onVerdict
    if (tell === undefined || this.#over) return false
    this.onVerdict = undefined
    tell(verdict)
    return true
  }

  /** No more aborts: the handler has ended, or is left behind after one. */
  end(): void {
    this.#over = true
    if (this.#onLost !== undefined) this.#message.delivery.lost.removeEventListener('abort', this.#onLost)
  }

  get topic(): string {
    return this.#message.topic
  }
  get group(): string | undefined {
    return this.#message.group
  }
  get id(): string {
    return this.#message.id
  }
  get source(): string | undefined {
    return this.#message.source
  }
  get type(): string | undefined {
    return this.#message.type
  }
  get subject(): string | undefined {
    return this.#message.subject
  }
  get time(): string | undefined {
    return this.#message.time
  }
  get key(): string | undefined {
    return this.#message.key
  }
  get headers(): Headers {
    return this.#message.headers
  }
  get correlationId(): string {
    return this.#message.correlationId
  }
  get firstSeenAt(): number {
    return this.#message.firstSeenAt
  }
  get timestamp(): number | undefined {
    return this.#message.timestamp
  }
  get redelivered(): boolean {
    return this.#message.redelivered
  }
  get principal(): Principal | undefined {
    return this.#message.principal
  }
}
