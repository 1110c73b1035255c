import { type CallContext, type CommunicationError, isCorrelationId, newCorrelationId } from '@comm/core'
import type { Delivery, HeaderValue } from './broker.ts'
import type { Content } from './envelope.ts'
import {
  ATTEMPTS,
  CE_CORRELATION_ID,
  CE_EXPIRY_TIME,
  CE_ID,
  CE_SOURCE,
  CE_SUBJECT,
  CE_TIME,
  CE_TYPE,
  FIRST_SEEN,
  FOREIGN_ID,
  type Headers,
  NOT_BEFORE,
  numberOf,
  REPLY_TO,
  textOf,
} from './headers.ts'
import { type Outcome, RELEASE } from './outcome.ts'

/** A message as it arrived; the same for every attempt at handling it. */
export interface MessageInfo {
  readonly topic: string
  /** The consuming group; undefined for a subscription with a copy of its own. */
  readonly group: string | undefined
  /** CloudEvents `id`; for a message without one, the broker's name for it. Stays the same through retries. */
  readonly id: string
  /** CloudEvents `source`, `type`, `subject` and `time`, where the publisher set them. */
  readonly source: string | undefined
  readonly type: string | undefined
  readonly subject: string | undefined
  /** RFC 3339. */
  readonly time: string | undefined
  readonly key: string | undefined
  /** All headers, ours included. */
  readonly headers: Readonly<Record<string, HeaderValue>>
  readonly correlationId: string
  /** Epoch milliseconds at which this group saw it first. */
  readonly firstSeenAt: number
  /** Epoch milliseconds at which the broker took it, when known. */
  readonly timestamp: number | undefined
  /** The broker delivered it before: after a crash, a lost connection or a stop. */
  readonly redelivered: boolean
}

/** What a handler is told beside the body. */
export interface MessageMeta extends MessageInfo {
  /** 1 for the first try of this group. */
  readonly attempt: number
  /** Aborts when the attempt's deadline passes, when the consumer no longer owns the message, and when a stop has used up its time. */
  readonly signal: AbortSignal
  /** Milliseconds left for this attempt; 0 when its time is up. */
  remainingMs(): number
}

/** A delivery on its way through the pipeline. What is in the headers is read when it is asked for. */
export class Message implements MessageInfo {
  readonly delivery: Delivery
  readonly group: string | undefined
  readonly headers: Headers
  readonly receivedAt: number
  /** Set by the decode stage. */
  body: unknown
  /** The attempt that runs, or ran last. */
  attempt: number
  /** Present while a handler runs. */
  running: Attempt | undefined
  /** Why headers and body could not even be told apart. */
  undecodable: CommunicationError | undefined
  readonly #content: Content
  #correlationId: string | undefined
  /** The first attempt here, whose deadline and signal are those of the message's context. */
  #first: Attempt | undefined

  constructor(delivery: Delivery, group: string | undefined, content: Content, receivedAt: number) {
    this.delivery = delivery
    this.group = group
    this.headers = content.headers
    this.#content = content
    this.receivedAt = receivedAt
    this.body = this.running = this.undecodable = this.#correlationId = this.#first = undefined
    const made = ATTEMPTS in this.headers ? numberOf(this.headers[ATTEMPTS]) : 0
    this.attempt = made !== undefined && made > 0 ? Math.floor(made) + 1 : 1
  }

  /** The body's bytes without any envelope. */
  get bytes(): Uint8Array {
    return this.#content.body
  }
  /** The body as a JSON value, where reading the envelope has made it one; else undefined. */
  get data(): unknown {
    return this.#content.data
  }
  get topic(): string {
    return this.delivery.topic
  }
  get id(): string {
    return textOf(this.headers[CE_ID] ?? this.headers[FOREIGN_ID]) ?? this.delivery.id
  }
  get source(): string | undefined {
    return textOf(this.headers[CE_SOURCE])
  }
  get type(): string | undefined {
    return textOf(this.headers[CE_TYPE])
  }
  get subject(): string | undefined {
    return textOf(this.headers[CE_SUBJECT])
  }
  get time(): string | undefined {
    return textOf(this.headers[CE_TIME])
  }
  get key(): string | undefined {
    return this.delivery.key
  }
  get correlationId(): string {
    if (this.#correlationId === undefined) {
      const received = textOf(this.headers[CE_CORRELATION_ID])
      this.#correlationId = isCorrelationId(received) ? received : newCorrelationId()
    }
    return this.#correlationId
  }
  get firstSeenAt(): number {
    return numberOf(this.headers[FIRST_SEEN]) ?? this.receivedAt
  }
  get timestamp(): number | undefined {
    return this.delivery.timestamp
  }
  get redelivered(): boolean {
    return (this.delivery.redeliveries ?? 0) > 0
  }
  /** Epoch milliseconds; undefined when it never expires. */
  get expiresAt(): number | undefined {
    const value = this.headers[CE_EXPIRY_TIME]
    const at = value === undefined ? Number.NaN : Date.parse(textOf(value) ?? '')
    return Number.isNaN(at) ? undefined : at
  }
  get notBefore(): number | undefined {
    return numberOf(this.headers[NOT_BEFORE])
  }
  /** Somebody waits for a reply, until `expiresAt`. */
  get isRequest(): boolean {
    return REPLY_TO in this.headers
  }

  /** True for the first attempt that asks: the context of the message is its. */
  isFirst(attempt: Attempt): boolean {
    this.#first ??= attempt
    return this.#first === attempt
  }
  /** As its call context: those of the first attempt. */
  get deadlineAt(): number | undefined {
    return this.#first?.deadlineAt
  }
  get signal(): AbortSignal | undefined {
    return this.#first?.signal
  }

  /** An attempt has ended; one that was left behind may do so while the next runs. */
  over(attempt: Attempt): void {
    attempt.end()
    if (this.running === attempt) this.running = undefined
  }

  /** Ends the running attempt from outside: its signal aborts, and `outcome` is what becomes of the message. */
  abort(reason: unknown, outcome: Outcome): void {
    this.running?.abort(reason, outcome)
  }
}

/** The call context of all that a message causes. */
export function contextOf(message: Message): CallContext {
  return message as CallContext
}

/** One run of the handler. Each has a signal of its own, so that one left behind never sees the signal of the next. */
export class Attempt implements MessageMeta {
  readonly attempt: number
  readonly #message: Message
  readonly #deadlineAt: number
  readonly #now: () => number
  /** Called when the attempt is aborted, after its signal. */
  onAbort: ((outcome: Outcome) => void) | undefined
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
    this.onAbort = this.abortOutcome = undefined
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

  remainingMs(): number {
    return Math.max(0, this.#deadlineAt - this.#now())
  }

  abort(reason: unknown, outcome: Outcome = RELEASE): void {
    if (this.#over) return
    this.#reason = reason
    this.abortOutcome = outcome
    this.#controller?.abort(reason)
    this.end()
    this.onAbort?.(outcome)
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
}
