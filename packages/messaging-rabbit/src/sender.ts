import { type CommunicationError, ConnectionError } from '@comm/core'
import type { OutboundRecord, PublishResult } from '@comm/messaging'
import type { Channel, ConfirmChannel, Message, Options } from 'amqplib'
import type { Batch } from './batch.ts'
import type { Link } from './connection.ts'
import { fromAmqp, maybeStored, nackedError, refused, tooLargeError, unencodableError, unroutableError } from './errors.ts'
import { asBuffer } from './message.ts'

/** One record on its way: where it goes, and what becomes the properties of its message. */
export interface Outgoing {
  readonly record: OutboundRecord
  readonly exchange: string
  readonly key: string
  readonly properties: Options.Publish
}

/** A channel to publish on. It ends with its connection, or at the first thing that RabbitMQ refuses by closing it. */
export interface Sender {
  /** Answers in the batch, sooner or later. */
  send(outgoing: Outgoing, batch: Batch, index: number): void
}

const STORED: PublishResult = Object.freeze({ ok: true })

/** @param onClose the next publish needs another sender */
export async function openConfirmedSender({ model }: Link, onClose: () => void): Promise<Sender> {
  return new ConfirmedSender(await model.createConfirmChannel(), onClose)
}

/** @param onClose the next publish needs another sender */
export async function openUnconfirmedSender({ model }: Link, onClose: () => void): Promise<Sender> {
  return new UnconfirmedSender(await model.createChannel(), onClose)
}

class ConfirmedSender implements Sender {
  readonly #channel: ConfirmChannel
  /** Ids of messages that no queue took; each is acknowledged right after its return. */
  readonly #returned = new Set<string>()
  #closedBy: Error | undefined

  constructor(channel: ConfirmChannel, onClose: () => void) {
    this.#channel = channel
    channel.on('return', ({ properties }: Message) => this.#returned.add(String(properties.messageId)))
    channel.on('error', (error: Error) => {
      this.#closedBy = error
    })
    channel.on('close', onClose)
  }

  send(outgoing: Outgoing, batch: Batch, index: number): void {
    const { record, exchange, key, properties } = outgoing
    try {
      this.#channel.publish(exchange, key, asBuffer(record.body), properties, (thrown: unknown) => {
        batch.answer(index, thrown === null ? this.#confirmed(outgoing) : this.#failed(outgoing, thrown))
      })
    } catch (thrown) {
      batch.answer(index, notSent(record, thrown))
    }
  }

  #confirmed({ record, exchange, properties }: Outgoing): PublishResult {
    if (this.#returned.size === 0 || !this.#returned.delete(String(properties.messageId))) return STORED
    return refused(unroutableError(record, exchange))
  }

  /** Refused by a nack, or unanswered when the channel closed. */
  #failed({ record }: Outgoing, thrown: unknown): PublishResult {
    if ((thrown as Error).message === 'message nacked') return refused(nackedError(record))
    const limit = /message size \d+ .*max size (\d+)/.exec(this.#closedBy?.message ?? '')?.[1]
    if (limit !== undefined && record.body.byteLength > Number(limit))
      return refused(tooLargeError(record, Number(limit), "RabbitMQ's max_message_size"))
    const what = `publish to topic ${record.topic}`
    return maybeStored(limit === undefined ? fromAmqp(what, this.#closedBy ?? lost(what, thrown)) : lost(what, thrown))
  }
}

function lost(what: string, cause: unknown): CommunicationError {
  return new ConnectionError(`cannot ${what}: the channel to RabbitMQ closed before it confirmed`, { cause })
}

/** Bad headers (names beyond 255 bytes, more than 64 KiB) throw while being encoded; a closed channel throws too. */
function notSent({ topic }: OutboundRecord, thrown: unknown): PublishResult {
  if ((thrown as Error).name !== 'IllegalOperationError') return refused(unencodableError(topic, thrown))
  return refused(new ConnectionError(`cannot publish to topic ${topic}: the channel to RabbitMQ is closed`, { cause: thrown }))
}

/** At most once: done when written, and no faster than the socket takes it. */
class UnconfirmedSender implements Sender {
  readonly #channel: Channel
  #isFull = false
  readonly #waiting = new Set<() => void>()

  constructor(channel: Channel, onClose: () => void) {
    this.#channel = channel
    const release = (): void => {
      this.#isFull = false
      for (const answer of this.#waiting) answer()
      this.#waiting.clear()
    }
    channel.on('error', () => undefined)
    channel.on('drain', release)
    channel.on('close', () => {
      release()
      onClose()
    })
  }

  send({ record, exchange, key, properties }: Outgoing, batch: Batch, index: number): void {
    try {
      this.#isFull = !this.#channel.publish(exchange, key, asBuffer(record.body), { ...properties, mandatory: false })
    } catch (thrown) {
      return batch.answer(index, notSent(record, thrown))
    }
    if (this.#isFull) this.#waiting.add(() => batch.answer(index, STORED))
    else batch.answer(index, STORED)
  }
}
