import { once } from 'node:events'
import { connect, createServer, type OnReadOpts, Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { readConfirms, readIntoMemory } from '../src/wire/confirms.ts'
import { load } from './support/amqplib.ts'

const { BasicAck, BasicDeliver, BasicNack, BasicProperties, encodeMethod, encodeProperties } = load('./lib/defs')
const { HEARTBEAT_BUF, makeBodyFrame } = load('./lib/frame')
const { Connection } = load('./lib/connection')

const channel = fc.integer({ min: 1, max: 65_535 })
const deliveryTag = fc.oneof(fc.nat(), fc.integer({ min: 2 ** 32, max: Number.MAX_SAFE_INTEGER }))
const body = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes))

const confirm = fc
  .tuple(channel, deliveryTag, fc.boolean())
  .map(([ch, tag, multiple]): Buffer => encodeMethod(BasicAck, ch, { deliveryTag: tag, multiple }))
const refusal = fc.tuple(channel, deliveryTag).map(([ch, tag]): Buffer => encodeMethod(BasicNack, ch, { deliveryTag: tag }))
function deliver(ch: number, tag: number, content: Buffer): Buffer {
  const method = { consumerTag: 'c', deliveryTag: tag, redelivered: false, exchange: 'e', routingKey: 'k' }
  const header = encodeProperties(BasicProperties, ch, content.length, { headers: { h: 'v' } })
  return Buffer.concat([encodeMethod(BasicDeliver, ch, method), header, makeBodyFrame(ch, content)])
}

const delivery = fc.tuple(channel, deliveryTag, body).map(([ch, tag, content]) => deliver(ch, tag, content))
const frames = fc.array(fc.oneof({ weight: 3, arbitrary: confirm }, refusal, delivery, fc.constant(HEARTBEAT_BUF as Buffer)))

/** Brings a socket the bytes of a chunk, without a network. */
type Bring = (socket: Socket, chunk: Buffer) => void

const byItself: Bring = (socket, chunk) => void socket.push(chunk)

function intoMemory(): Bring {
  const { callback, buffer } = readIntoMemory().onread
  const memory = buffer as Buffer
  return (socket, chunk) => {
    memory.fill(0xff)
    chunk.copy(memory)
    callback.call(socket as unknown as OnReadOpts, chunk.length, memory)
  }
}

/** What a connection of amqplib reads from these chunks, as they come: several in one turn where `together` says so of the later one. */
async function framesRead(chunks: readonly Buffer[], together: readonly boolean[], bring: Bring): Promise<readonly unknown[]> {
  const socket = new Socket()
  const connection = new Connection(socket)
  const read: unknown[] = []
  connection.accept = (frame: unknown) => read.push(structuredClone(frame))
  connection.on('frameError', (error: unknown) => read.push(error))
  connection.acceptLoop()
  readConfirms(connection)
  for (const [index, chunk] of chunks.entries()) {
    if (!together[index]) await turn()
    bring(socket, chunk)
  }
  await turn()
  read.push({ hasHeard: connection.checkRecv(), rest: connection.rest.toString('hex') })
  return read
}

function cut(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const ends = [...cuts.map((at) => at % (bytes.length + 1)), bytes.length].sort((a, b) => a - b)
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end)).filter(({ length }) => length > 0)
}

const cuts = fc.array(fc.nat(), { maxLength: 6 })
const together = fc.array(fc.boolean(), { minLength: 7, maxLength: 7 })

describe('frames that are read', () => {
  it('are those that amqplib reads, confirms among them, wherever the bytes were cut', async () => {
    await fc.assert(
      fc.asyncProperty(frames, cuts, together, async (all, at, withLast) => {
        const chunks = cut(Buffer.concat(all), at)
        expect(await framesRead(chunks, withLast, intoMemory())).toEqual(await framesRead(chunks, withLast, byItself))
      }),
      { numRuns: 300 },
    )
  })

  it('are not looked for inside of a body', async () => {
    const delivered = deliver(1, 1, encodeMethod(BasicAck, 1, { deliveryTag: 7, multiple: true }))
    for (let at = 1; at < delivered.length; at++) {
      const chunks = cut(delivered, [at])
      expect(await framesRead(chunks, [], intoMemory())).toEqual(await framesRead(chunks, [], byItself))
    }
  })

  it.each([
    ['without its end', (broken: Buffer) => broken.writeUInt8(0, broken.length - 1)],
    ['that says it is shorter', (broken: Buffer) => broken.writeUInt32BE(12, 3)],
  ])('a confirm %s is refused as amqplib refuses it', async (_, spoil) => {
    const broken: Buffer = encodeMethod(BasicAck, 1, { deliveryTag: 1, multiple: false })
    spoil(broken)
    const [error] = await framesRead([broken], [], intoMemory())
    expect(error).toMatchObject({ message: 'Invalid frame' })
  })

  it('what a confirm leads to may throw, which ends the connection as when amqplib reads', async () => {
    const socket = new Socket()
    const connection = new Connection(socket)
    readConfirms(connection)
    const thrown = new Error('closed')
    connection.accept = () => {
      throw thrown
    }
    const errors: unknown[] = []
    connection.on('frameError', (error: unknown) => errors.push(error))
    intoMemory()(socket, encodeMethod(BasicAck, 1, { deliveryTag: 1, multiple: false }))
    await turn()
    expect(errors).toEqual([thrown])
  })
})

describe('a socket that reads into memory', () => {
  it('brings its stream what is no confirm, as much as it takes, and then its end', async () => {
    const bytes = Buffer.alloc(1_000_000, 'no confirm')
    const server = createServer((client) => client.end(bytes)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const socket = connect({ ...readIntoMemory(), port: (server.address() as { port: number }).port, host: '127.0.0.1' })
    readConfirms(new Connection(socket))
    const read: Buffer[] = []
    for await (const chunk of socket) read.push(chunk)
    expect(Buffer.concat(read).equals(bytes)).toBe(true)
    server.close()
  })

  it('that Node did not name is an error', () => {
    const { callback, buffer } = readIntoMemory().onread
    expect(() => callback.call(undefined as unknown as OnReadOpts, 1, buffer as Buffer)).toThrow('this Node does not tell')
  })
})
