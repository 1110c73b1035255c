import type { Duplex } from 'node:stream'
import type { Channel, ConfirmChannel, Options } from 'amqplib'

/** Method and properties of a message, as amqplib encodes them. */
export type MessageFields = Options.Publish & Readonly<Record<'exchange' | 'routingKey' | 'messageId', string>>

/** Where the frames of a channel go, and the steps of `publish`. */
export interface DirectChannel extends ConfirmChannel {
  readonly ch: number
  readonly connection: ConfirmChannel['connection'] & {
    readonly stream: Duplex
    /** By their numbers; null where one was closed. */
    readonly channels: ({ buffer: Pick<Duplex, 'write' | 'end'> } | null | undefined)[]
  }
  /** `publish` makes the headers the prototype of another object first, over which V8 walks slowly. @returns whether the socket takes more */
  sendMessage(method: MessageFields, properties: MessageFields, body: Buffer): boolean
  pushConfirmCallback(confirmed: (thrown: Error | null) => void): void
  /** Tag of the oldest that is not confirmed. */
  readonly lwm: number
  /** What is told of that one and those after it; null where it was. */
  readonly unconfirmed: readonly (((thrown: Error | null) => void) | null)[]
}

/**
 * Leads the frames of a channel to the socket at once, those of one turn of the event loop together. amqplib puts them into a stream for each
 * channel, and takes them out one by one a turn later. @throws Error when the channel is closed already
 */
export function direct(opened: Channel): DirectChannel {
  const channel = opened as DirectChannel
  const { stream, channels } = channel.connection
  const slot = channels[channel.ch]
  if (!slot) throw new Error('the channel was closed while it was opened')
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
