import { type Clock, CommunicationError, currentContext, type Pipeline, PublishError } from '@comm/core'
import type { BrokerFeatures, OutboundRecord } from './broker.ts'
import type { PublishBuffer } from './buffer/publish-buffer.ts'
import type { Codecs } from './codec.ts'
import { record as forBroker, seal } from './envelope.ts'
import type { Headers } from './headers.ts'
import type { SendObserver } from './observe/sending.ts'
import { checkPublishOptions, type PublishOptions } from './options/publish-options.ts'

export interface PublisherParts {
  readonly buffer: PublishBuffer
  readonly observer: SendObserver
  readonly features: BrokerFeatures
  readonly codecs: Codecs
  readonly source: string
  readonly clock: Clock
  readonly timeoutMs: number
  readonly resilience: Pipeline | undefined
}

const NO_OPTIONS: PublishOptions = Object.freeze({})

/** Turns bodies into records and gives them to the buffer. */
export class Publisher {
  readonly #parts: PublisherParts

  constructor(parts: PublisherParts) {
    this.#parts = parts
  }

  /**
   * Resolves when the broker has confirmed the message.
   * @param ours headers of the message format, such as those of a request
   */
  async publish(topic: string, body: unknown, options: PublishOptions = NO_OPTIONS, ours?: Headers): Promise<void> {
    if (options !== NO_OPTIONS) checkPublishOptions(options)
    const { observer, resilience } = this.#parts
    const sending = observer.begin(topic)
    try {
      const record = seal(this.#parts, topic, body, options, sending.within, ours)
      this.#refuseImpossible(record)
      const timeoutMs = this.#timeLeft(options.timeoutMs ?? this.#parts.timeoutMs)
      const { signal } = options
      if (resilience === undefined) await this.#parts.buffer.publish(record, { timeoutMs, signal })
      else
        await resilience.run((_, call) => this.#parts.buffer.publish(record, { timeoutMs, signal: call.signal }), record, signal)
    } catch (error) {
      observer.end(sending, error)
      throw error
    }
    observer.end(sending, undefined)
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

  #timeLeft(timeoutMs: number): number {
    const deadlineAt = currentContext()?.deadlineAt
    return deadlineAt === undefined ? timeoutMs : Math.max(0, Math.min(timeoutMs, deadlineAt - this.#parts.clock.now()))
  }
}
