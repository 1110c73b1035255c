import { type CommunicationError, ConnectionError, PublishError, ValidationError } from '@comm/core'
import type { OutboundRecord, PublishResult } from '@comm/messaging'
import { asBuffer, maybeStored, type PublishAnswers, refused, STORED } from '@comm/messaging/adapter'
import {
  closeChannel,
  type DirectChannel,
  direct,
  fromAmqp,
  type Link,
  type Message,
  type MessageFields,
  oldestUnconfirmed,
  rabbitErrors,
  type StuckLines,
} from '@comm/rabbit-driver'
import { lineOf } from './names.ts'

/** What a message is told that RabbitMQ has not confirmed for too long. */
const STALLED = new ConnectionError('RabbitMQ has not confirmed a message that was published over it')

/** A channel to publish on. It ends with its connection, or at the first thing that RabbitMQ refuses by closing it. */
export class Sender {
  /** Resolved when the socket takes more; undefined when it does. */
  room: PromiseWithResolvers<void> | undefined
  readonly #channel: DirectChannel
  /** Ids of messages that no queue took; each is acknowledged right after its return. */
  readonly #returned = new Set<string>()
  readonly #stuck: StuckLines
  readonly #aside: string | undefined
  #closedBy: Error | undefined

  private constructor(channel: DirectChannel, stuck: StuckLines, aside: string | undefined, onClose: () => void) {
    this.#channel = channel
    this.#stuck = stuck
    this.#aside = aside
    const { stream } = channel.connection
    const watch = stuck.watch(
      aside,
      () => (stream.writableLength === 0 ? oldestUnconfirmed(channel) : undefined),
      () => {
        for (const told of channel.unconfirmed) told?.(STALLED)
        // After 400 more messages RabbitMQ reads nothing from this connection any more.
        if (aside === undefined) stream.destroy(STALLED)
        else watch.end()
      },
    )
    channel.on('return', ({ properties }: Message) => this.#returned.add(String(properties.messageId)))
    channel.on('error', (error: Error) => {
      this.#closedBy = error
    })
    channel.on('close', () => {
      onClose()
      watch.end()
      stream.off('drain', this.#hasRoom)
      this.#hasRoom()
    })
  }

  /**
   * The one of this connection; a new one when that was closed.
   * @param aside a line that is stuck: it has one for itself
   * @throws what amqplib throws
   */
  static on({ once, model }: Link, stuck: StuckLines, aside?: string): Promise<Sender> {
    const id = nameOf(aside)
    return once.make(id, async () => new Sender(direct(await model.createConfirmChannel()), stuck, aside, () => once.forget(id)))
  }

  /** `on`, where it is there already. */
  static at({ once }: Link, aside?: string): Sender | undefined {
    return once.made(nameOf(aside))
  }

  /** For RabbitMQ to confirm something. */
  get isWaiting(): boolean {
    return oldestUnconfirmed(this.#channel) !== undefined
  }

  /** Answers once RabbitMQ has confirmed or refused it. */
  send(record: OutboundRecord, fields: MessageFields, answers: PublishAnswers, index: number): void {
    try {
      const takesMore = this.#channel.sendMessage(fields, asBuffer(record.body))
      this.#channel.pushConfirmCallback((thrown) => {
        if (this.#aside !== undefined && (thrown === null || isNack(thrown))) this.#passed(this.#aside)
        answers.answer(index, thrown === null ? this.#confirmed(record, fields) : this.#failed(record, fields, thrown))
      })
      if (takesMore || this.room !== undefined) return
      this.room = Promise.withResolvers()
      this.#channel.connection.stream.once('drain', this.#hasRoom)
    } catch (thrown) {
      answers.answer(index, refused(notSent(record, thrown)))
    }
  }

  readonly #hasRoom = (): void => {
    this.room?.resolve()
    this.room = undefined
  }

  /** RabbitMQ answers again for what goes by this line. */
  #passed(line: string): void {
    this.#stuck.delete(line)
    void closeChannel(this.#channel)
  }

  #confirmed(record: OutboundRecord, fields: MessageFields): PublishResult {
    if (this.#returned.size === 0 || !this.#returned.delete(fields.messageId)) return STORED
    return refused(unroutable(record.topic, fields.exchange))
  }

  /** Refused by a nack, or unanswered when the channel closed. */
  #failed(record: OutboundRecord, fields: MessageFields, thrown: unknown): PublishResult {
    const { topic, body } = record
    if (thrown === STALLED) return maybeStored(this.#stalled(lineOf(fields.exchange, fields.routingKey)))
    // A queue that is full and rejects, or could not store it.
    if (isNack(thrown))
      return refused(new PublishError(`RabbitMQ refused a record for topic ${topic}: a queue is full or could not store it`))
    const limit = Number(/message size \d+ .*max size (\d+)/.exec(this.#closedBy?.message ?? '')?.[1])
    if (body.byteLength > limit) return refused(rabbitErrors.tooLarge(record, limit, "RabbitMQ's max_message_size"))
    const what = `publish to topic ${topic}`
    // Of no concern to those that are small enough.
    if (this.#closedBy !== undefined && Number.isNaN(limit)) return maybeStored(fromAmqp(what, this.#closedBy))
    return maybeStored(
      new ConnectionError(`cannot ${what}: the channel to RabbitMQ closed before it confirmed`, { cause: thrown }),
    )
  }

  #stalled(line: string): CommunicationError {
    if (this.#aside !== undefined) return this.#stuck.add(line)
    this.#stuck.suspect(line)
    return STALLED
  }
}

function isNack(thrown: unknown): boolean {
  return (thrown as Error).message === 'message nacked'
}

function nameOf(aside: string | undefined): string {
  return aside === undefined ? 'sender' : `sender ${aside}`
}

export function unroutable(topic: string, exchange: string): PublishError {
  return rabbitErrors.unroutable(topic, `no queue is bound to it at exchange ${exchange} of RabbitMQ`)
}

/** Bad headers throw while being encoded: AMQP 0-9-1 has no room for them; a closed channel throws too. */
function notSent({ topic }: OutboundRecord, cause: unknown): ConnectionError | ValidationError {
  const { name, message } = cause as Error
  if (name === 'IllegalOperationError')
    return new ConnectionError(`cannot publish to topic ${topic}: the channel to RabbitMQ is closed`, { cause })
  const limits = 'Header names take 255 bytes, all headers 64 KiB'
  return new ValidationError(`a record for topic ${topic} cannot be written as an AMQP message: ${message}. ${limits}`, { cause })
}
