import type { Duplex } from 'node:stream'
import type { Channel, ConfirmChannel } from 'amqplib'
import { type MessageFields, messageFrames } from './wire/message-frames.ts'

/** Where the frames of a channel go, and the steps of `publish`. */
export interface DirectChannel extends ConfirmChannel {
  readonly ch: number
  readonly connection: ConfirmChannel['connection'] & {
    readonly stream: Duplex
    /** By their numbers; null where one was closed. */
    readonly channels: ({ buffer: Pick<Duplex, 'write' | 'end'> } | null | undefined)[]
    /** Sends a body in as many frames as it takes. amqplib makes it throw once the connection is closing. */
    sendContent(channel: number, body: Buffer): boolean
  }
  /**
   * Persistent.
   * @returns whether the socket takes more
   * @throws RangeError when a name or the headers are too long; what amqplib throws where the channel or the connection is closed or closing
   */
  sendMessage(fields: MessageFields, body: Buffer): boolean
  pushConfirmCallback(confirmed: (thrown: Error | null) => void): void
  /** Tag of the first of `unconfirmed`. */
  lwm: number
  /** What is told of that one and those after it; null where it was. */
  readonly unconfirmed: (((thrown: Error | null) => void) | null)[]
}

/**
 * amqplib leaves those in front that were confirmed one by one before a confirm of several reached up to them.
 * @returns the tag of the oldest that is not confirmed; undefined when all are
 */
export function oldestUnconfirmed(channel: Pick<DirectChannel, 'lwm' | 'unconfirmed'>): number | undefined {
  const { unconfirmed } = channel
  const first = unconfirmed.findIndex((told) => told !== null)
  const passed = unconfirmed.splice(0, first < 0 ? unconfirmed.length : first)
  channel.lwm += passed.length
  return first < 0 ? undefined : channel.lwm
}

/**
 * A body up to here is copied, so that its message is one piece; the frames of larger ones are amqplib's. No server may ask for frames that
 * hold less: of 4096 bytes at least, 8 of them around the body.
 */
const MOST_COPIED_BYTES = 4088
const NOTHING = Buffer.alloc(0)

/**
 * Leads the frames of a channel to the socket at once, those of one turn of the event loop together. amqplib puts them into a stream for each
 * channel, and takes them out one by one a turn later. Messages are written by us. @throws Error when the channel is closed already
 */
export function direct(opened: Channel): DirectChannel {
  const channel = opened as DirectChannel
  const { ch, connection } = channel
  const { stream, channels } = connection
  const slot = channels[ch]
  if (!slot) throw new Error('the channel was closed while it was opened')
  const queue = slot.buffer
  let isCorked = false
  const uncork = (): void => {
    isCorked = false
    stream.uncork()
  }
  const write = (frames: Buffer): boolean => {
    if (!isCorked) {
      isCorked = true
      stream.cork()
      process.nextTick(uncork)
    }
    return stream.write(frames)
  }
  slot.buffer = { write, end: () => queue.end() } as typeof queue
  channel.sendMessage = (fields, body) => {
    const isWhole = body.length > 0 && body.length <= MOST_COPIED_BYTES
    const frames = messageFrames(ch, fields, body, isWhole)
    // Throws where the connection is closing, before anything is written, and tells the heartbeat that something is sent.
    connection.sendContent(ch, NOTHING)
    const takesMore = write(frames)
    return isWhole || body.length === 0 ? takesMore : connection.sendContent(ch, body)
  }
  return channel
}
