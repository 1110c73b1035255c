import { Duplex } from 'node:stream'
import { describe, expect, it } from '@jest/globals'
import { type DirectChannel, direct } from '../src/direct-channel.ts'
import type { MessageFields } from '../src/wire/message-frames.ts'
import { load } from './support/amqplib.ts'

const { Connection } = load('./lib/connection')
const { ConfirmChannel } = load('./lib/channel_model')

const FIELDS: MessageFields = {
  exchange: 'comm',
  routingKey: 'order.created',
  mandatory: true,
  messageId: 'm.1',
  headers: {},
  priority: undefined,
  expiration: undefined,
}

/** A channel over a connection of amqplib with the smallest frames there are, and what it has written. */
function opened() {
  const chunks: Buffer[] = []
  const stream = new Duplex({
    read: () => undefined,
    write(chunk, _, done) {
      chunks.push(chunk)
      done()
    },
  })
  const connection = new Connection(stream)
  connection.channelMax = 10
  const channel: DirectChannel = direct(new ConfirmChannel(connection).allocate())
  const written = async (): Promise<Buffer> => {
    await new Promise(setImmediate)
    return Buffer.concat(chunks.splice(0))
  }
  return { channel, connection, written }
}

function sizesOf(bytes: Buffer): number[] {
  const sizes: number[] = []
  for (let at = 0; at < bytes.length; at += sizes.at(-1) as number) sizes.push(bytes.readUInt32BE(at + 3) + 8)
  return sizes
}

describe('a direct channel', () => {
  it.each([
    [0, []],
    [1, [9]],
    [4088, [4096]],
    [4089, [4096, 9]],
    [4096, [4096, 16]],
    [9000, [4096, 4096, 832]],
  ])('sends a body of %i bytes in frames that are no larger than the server takes', async (length, sizes) => {
    const { channel, written } = opened()
    channel.sendMessage(FIELDS, Buffer.alloc(length))
    const [, , ...bodies] = sizesOf(await written())
    expect(bodies).toEqual(sizes)
  })

  it.each([0, 10, 5000])('sends nothing of a message with %i bytes after the connection began to close', async (length) => {
    const { channel, connection, written } = opened()
    connection.close()
    await written()
    expect(() => channel.sendMessage(FIELDS, Buffer.alloc(length))).toThrow('Connection closing')
    expect(await written()).toHaveLength(0)
    connection.toClosed('test')
    expect(() => channel.sendMessage(FIELDS, Buffer.alloc(length))).toThrow('Channel closed')
  })

  it('tells the heartbeat that something was sent', () => {
    const { channel, connection } = opened()
    connection.checkSend()
    channel.sendMessage(FIELDS, Buffer.alloc(10))
    expect(connection.checkSend()).toBe(true)
  })
})
