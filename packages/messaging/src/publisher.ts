import {
  type CallContext,
  type Clock,
  CommunicationError,
  currentContext,
  type MessageGuard,
  type Pipeline,
  PublishError,
} from '@comm/core'
import type { BrokerFeatures, OutboundRecord } from './broker.ts'
import type { Waiter } from './buffer/entry.ts'
import type { PublishBuffer } from './buffer/publish-buffer.ts'
import type { Codecs } from './codec.ts'
import { record as forBroker, seal } from './envelope.ts'
import { GuardedOrder } from './guarded-order.ts'
import type { Headers } from './headers.ts'
import type { SendObserver } from './observe/sending.ts'
import { checkPublishOptions, type PublishOptions } from './options/publish-options.ts'

export interface PublisherParts {
  readonly buffer: PublishBuffer
  readonly observer: SendObserver
  readonly features: BrokerFeatures
  readonly codecs: Codecs
  readonly guards: readonly MessageGuard[]
  readonly source: string
  readonly clock: Clock
  readonly timeoutMs: number
  readonly resilience: Pipeline | undefined
}

const NO_OPTIONS: PublishOptions = Object.freeze({})

/** Turns bodies into records and gives them to the buffer. */
export class Publisher {
  readonly #parts: PublisherParts
  /** Absent without guards. */
  readonly #order: GuardedOrder | undefined

  constructor(parts: PublisherParts) {
    this.#parts = parts
    this.#order = parts.guards.some(({ outgoing }) => outgoing !== undefined) ? new GuardedOrder(parts.guards) : undefined
  }

  /** Resolves when everything sent so far is in the buffer or has failed. */
  get guarded(): Promise<void> {
    return this.#order?.idle ?? Promise.resolve()
  }

  /** `send` as a promise, rejected with what `send` tells its waiter. */
  publish(topic: string, body: unknown, options?: PublishOptions, ours?: Headers): Promise<void> {
    return new Promise((confirmed, failed) => this.send(topic, body, options, { confirmed, failed }, ours))
  }

  /**
   * Tells the waiter, once, when the broker has confirmed the message or why it did not. Never throws. Without a promise of its own: on
   * the path of every message.
   * @param ours headers of the message format, such as those of a request
   */
  send(topic: string, body: unknown, options: PublishOptions = NO_OPTIONS, waiter: Waiter, ours?: Headers): void {
    let told = waiter
    try {
      if (options !== NO_OPTIONS) checkPublishOptions(options)
      const sending = this.#parts.observer.begin(topic, waiter)
      told = sending
      const context = currentContext()
      const sealed = seal(this.#parts, topic, body, options, context, sending.within, ours)
      const timeoutMs = this.#timeLeft(options.timeoutMs ?? this.#parts.timeoutMs, context)
      if (this.#order === undefined) this.#enqueue(sealed, timeoutMs, options.signal, sending)
      else this.#order.pass(sealed, (guarded) => this.#enqueue(guarded, timeoutMs, options.signal, sending), sending)
    } catch (thrown) {
      told.failed(CommunicationError.from(thrown))
    }
  }

  #enqueue(sealed: OutboundRecord, timeoutMs: number, signal: AbortSignal | undefined, sending: Waiter): void {
    const { buffer, codecs, features, resilience } = this.#parts
    const record = forBroker(features, sealed, codecs)
    this.#refuseImpossible(record)
    if (resilience === undefined) buffer.add(record, { timeoutMs, signal }, sending)
    else {
      resilience
        .run((_, call) => buffer.publish(record, { timeoutMs, signal: call.signal }), record, signal)
        .then(
          () => sending.confirmed(),
          (thrown: unknown) => sending.failed(CommunicationError.from(thrown)),
        )
    }
  }

  /** Sends a record of our own making, a retry, dead letter or replay, past the bounds of the buffer. */
  republish(record: OutboundRecord): Promise<void> {
    const { buffer, features, timeoutMs } = this.#parts
    return buffer.publish(forBroker(features, record), { timeoutMs, urgent: true })
  }

  #refuseImpossible({ topic, body, notBefore }: OutboundRecord): void {
    const { delay, maxBodyBytes = Number.POSITIVE_INFINITY } = this.#parts.features
    if (notBefore !== undefined && !delay) {
      throw new CommunicationError(`a message for ${topic} cannot be delayed: this broker has no delayed delivery`, {
        code: 'COMM_UNSUPPORTED',
      })
    }
    if (body.byteLength > maxBodyBytes) {
      const size = `${body.byteLength} bytes, the broker takes ${maxBodyBytes}`
      throw new PublishError(`a message for ${topic} is too large (${size}); publish a reference to the data instead`, {
        retryable: false,
      })
    }
  }

  #timeLeft(timeoutMs: number, context: CallContext | undefined): number {
    const deadlineAt = context?.deadlineAt
    return deadlineAt === undefined ? timeoutMs : Math.max(0, Math.min(timeoutMs, deadlineAt - this.#parts.clock.now()))
  }
}
