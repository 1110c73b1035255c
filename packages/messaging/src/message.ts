import { type CallContext, type CommunicationError, isCorrelationId, newCorrelationId, type Principal } from '@comm/core'
import type { Attempt } from './attempt.ts'
import type { Delivery, HeaderValue } from './broker.ts'
import type { Content } from './envelope.ts'
import {
  ATTEMPTS,
  CE_CORRELATION_ID,
  CE_EXPIRY_TIME,
  CE_ID,
  CE_PARTITION_KEY,
  CE_SOURCE,
  CE_SUBJECT,
  CE_TIME,
  CE_TYPE,
  CONTENT_TYPE,
  FIRST_SEEN,
  FOREIGN_ID,
  type Headers,
  NOT_BEFORE,
  numberOf,
  REPLY_TO,
  textOf,
} from './headers.ts'
import type { Linked, List } from './list.ts'
import type { Outcome } from './outcome.ts'

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
  /** Whom it comes from, where a guard has established that. */
  readonly principal: Principal | undefined
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

/** What a handler of a subscription with `ack: 'manual'` is told: it says itself what becomes of the message, once. */
export interface ManualMeta extends MessageMeta {
  /** Done. @returns false when it came too late: there was a verdict already, or the attempt is over */
  ack(): boolean
  /**
   * The attempt failed; the message comes again, unless it was the last attempt.
   * @param afterMs default: what `retry.backoff` says
   * @returns as `ack`
   */
  retry(afterMs?: number): boolean
  /** No retry can mend it: into the dead-letter topic. @param why for people @returns as `ack` */
  deadLetter(why: string): boolean
}

/** A delivery on its way through the pipeline. What is in the headers is read when it is asked for. */
export class Message implements MessageInfo, Linked<Message> {
  readonly delivery: Delivery
  readonly group: string | undefined
  readonly receivedAt: number
  list: List<Message> | undefined
  previous: Message | undefined
  next: Message | undefined
  /** Set by the decode stage. */
  body: unknown
  /** The attempt that runs, or ran last. */
  attempt: number
  /** Present while a handler runs. */
  running: Attempt | undefined
  /** The broker's answer, once it was told what became of the message. */
  settling: Promise<unknown> | undefined
  /** Why headers and body could not even be told apart. */
  undecodable: CommunicationError | undefined
  /** Set by the guards. */
  principal: Principal | undefined
  readonly #content: Content
  #correlationId: string | undefined
  /** The first attempt here, whose deadline and signal are those of the message's context. */
  #first: Attempt | undefined

  constructor(delivery: Delivery, group: string | undefined, content: Content, receivedAt: number) {
    this.delivery = delivery
    this.group = group
    this.#content = content
    this.receivedAt = receivedAt
    this.list = this.previous = this.next = undefined
    this.body = this.running = this.settling = this.undecodable = this.principal = this.#correlationId = this.#first = undefined
    const made = this.#isPlain ? 0 : numberOf(this.headers[ATTEMPTS])
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
  get headers(): Headers {
    return this.#content.headers
  }
  get contentType(): string | undefined {
    return this.#content.plainType ?? textOf(this.headers[CONTENT_TYPE])
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
    return this.delivery.key ?? textOf(this.headers[CE_PARTITION_KEY])
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
    const value = this.#isPlain ? undefined : this.headers[CE_EXPIRY_TIME]
    const at = value === undefined ? Number.NaN : Date.parse(textOf(value) ?? '')
    return Number.isNaN(at) ? undefined : at
  }
  get notBefore(): number | undefined {
    return this.#isPlain ? undefined : numberOf(this.headers[NOT_BEFORE])
  }
  /** Somebody waits for a reply, until `expiresAt`. */
  get isRequest(): boolean {
    return !this.#isPlain && REPLY_TO in this.headers
  }
  /** The pipeline need not look at any header. */
  get #isPlain(): boolean {
    return this.#content.plainType !== undefined
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
