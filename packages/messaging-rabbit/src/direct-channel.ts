import type { Duplex } from 'node:stream'
import type { ConfirmChannel, Options } from 'amqplib'
import type { Link } from './link.ts'

/** Method and properties of a message, as amqplib encodes them. */
export type MessageFields = Options.Publish & Readonly<Record<'exchange' | 'routingKey' | 'messageId', string>>

/** The steps of amqplib's `publish`, and where its frames go. */
export interface DirectChannel extends ConfirmChannel {
  readonly ch: number
  readonly connection: ConfirmChannel['connection'] & {
    readonly stream: Duplex
    readonly channels: { buffer: Pick<Duplex, 'write' | 'end'> }[]
  }
  /** `publish` makes the headers the prototype of another object first, over which V8 walks slowly. @returns whether the socket takes more */
  sendMessage(method: MessageFields, properties: MessageFields, body: Buffer): boolean
  pushConfirmCallback(confirmed: (thrown: Error | null) => void): void
}

/**
 * A channel whose frames go to the socket at once, those of several messages together. amqplib puts them into a stream for each channel,
 * and takes them out one by one a turn of the event loop later. @throws what amqplib throws
 */
export async function openDirectChannel({ model }: Link): Promise<DirectChannel> {
  const channel = (await model.createConfirmChannel()) as DirectChannel
  const { stream, channels } = channel.connection
  const slot = channels[channel.ch] as (typeof channels)[number]
  const queue = slot.buffer
  const uncork = (): void => stream.uncork()
  const write = (frame: Buffer): boolean => {
    stream.cork()
    process.nextTick(uncork)
    return stream.write(frame)
  }
  slot.buffer = { write, end: () => queue.end() } as typeof queue
  return channel
}
