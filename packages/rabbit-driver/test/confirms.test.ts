import { PassThrough } from 'node:stream'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { readConfirms } from '../src/wire/confirms.ts'
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
const delivery = fc.tuple(channel, deliveryTag, body).map(([ch, tag, content]): Buffer => {
  const method = { consumerTag: 'c', deliveryTag: tag, redelivered: false, exchange: 'e', routingKey: 'k' }
  const header = encodeProperties(BasicProperties, ch, content.length, { headers: { h: 'v' } })
  return Buffer.concat([encodeMethod(BasicDeliver, ch, method), header, makeBodyFrame(ch, content)])
})
const frames = fc.array(fc.oneof({ weight: 3, arbitrary: confirm }, refusal, delivery, fc.constant(HEARTBEAT_BUF as Buffer)))

/** What a connection of amqplib reads from these chunks, as they come. */
async function framesRead(chunks: readonly Buffer[], isOurs: boolean): Promise<readonly unknown[]> {
  const stream = new PassThrough()
  const connection = new Connection(stream)
  if (isOurs) readConfirms(connection)
  const read: unknown[] = []
  connection.accept = (frame: unknown) => read.push(structuredClone(frame))
  connection.on('frameError', (error: unknown) => read.push(error))
  connection.acceptLoop()
  for (const chunk of chunks) {
    stream.write(chunk)
    await new Promise(setImmediate)
  }
  read.push({ hasHeard: connection.checkRecv(), rest: connection.rest.toString('hex') })
  return read
}

function cut(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const ends = [...cuts.map((at) => at % (bytes.length + 1)), bytes.length].sort((a, b) => a - b)
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end)).filter(({ length }) => length > 0)
}

describe('frames that are read', () => {
  it('are those that amqplib reads, confirms among them, wherever the bytes were cut', async () => {
    await fc.assert(
      fc.asyncProperty(frames, fc.array(fc.nat(), { maxLength: 6 }), async (all, cuts) => {
        const chunks = cut(Buffer.concat(all), cuts)
        expect(await framesRead(chunks, true)).toEqual(await framesRead(chunks, false))
      }),
      { numRuns: 300 },
    )
  })

  it('a confirm without its end is refused as amqplib refuses it', async () => {
    const broken: Buffer = encodeMethod(BasicAck, 1, { deliveryTag: 1, multiple: false })
    broken[broken.length - 1] = 0
    const [error] = await framesRead([broken], true)
    expect(error).toMatchObject({ message: 'Invalid frame' })
  })
})
