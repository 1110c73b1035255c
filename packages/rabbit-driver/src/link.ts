import { Once } from '@comm/messaging/adapter'
import type { Channel, ChannelModel } from 'amqplib'
import { type ReadingConnection, readConfirms } from './wire/confirms.ts'

/** A server that is stopped answers no close: nobody waits longer for one. */
export const CLOSE_LIMIT_MS = 1000

/** One connection from its making to its loss. What belongs to it, channels and delivery tags above all, dies with it. */
export class Link {
  readonly model: ChannelModel
  /** Of the server's version. */
  readonly major: number
  /** What was made over it. */
  readonly once: Once = new Once()

  constructor(model: ChannelModel) {
    readConfirms(model.connection as unknown as ReadingConnection)
    this.model = model
    this.major = Number.parseInt(String(model.connection.serverProperties.version), 10)
  }

  /** Runs on a channel of its own, because a refusal closes the channel. @throws what amqplib throws */
  async onChannel<Result>(use: (channel: Channel) => Promise<Result>): Promise<Result> {
    const channel = await this.model.createChannel()
    channel.on('error', ignore)
    try {
      return await use(channel)
    } finally {
      await closeChannel(channel)
    }
  }
}

/** Never throws; also resolves when the connection is lost, which amqplib's own close does not. */
export function closeChannel(channel: Channel): Promise<void> {
  return new Promise((resolve) => {
    channel.once('close', () => resolve())
    channel.close().then(resolve, () => resolve())
  })
}

export function ignore(): void {}
