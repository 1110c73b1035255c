import { describe, expect, it } from '@jest/globals'
import kafkajs, { type Cluster, type Kafka } from 'kafkajs'
import type { OutgoingMessage } from '../src/driver.ts'
import { writeProduces } from '../src/kafkajs-produce.ts'
import { load } from './support/encoding.ts'

const PRODUCE = 0
const CREATE_CLUSTER = 'private:Kafka:createCluster'
const { lookup, requests } = load('./src/protocol/requests')
const frame = load('./src/protocol/request') as (parts: unknown) => Promise<{ readonly buffer: Buffer }>

/** A request as a producer of kafkajs sends it to a broker that knows Produce up to this version. */
async function sent(input: unknown, isOurs: boolean, version: number): Promise<Buffer> {
  const broker = { lookupRequest: lookup({ [PRODUCE]: { minVersion: 0, maxVersion: version } }) }
  const kafka = { [Symbol(CREATE_CLUSTER)]: () => ({ findBroker: async () => broker }) }
  if (isOurs) writeProduces(kafka as never)
  const [create] = Object.getOwnPropertySymbols(kafka) as [keyof typeof kafka]
  await kafka[create]?.().findBroker()
  const make = broker.lookupRequest(PRODUCE, requests.Produce)
  // The first shows which version the broker speaks.
  make(input)
  const { request, response } = make(input)
  expect(response.decode).toBe(load(`./src/protocol/requests/produce/v${version}/response`).decode)
  expect(request.expectResponse()).toBe(true)
  return (await frame({ correlationId: 7, clientId: 'c', request })).buffer
}

/** The records have the time at which they were written, and the batch a checksum of it. */
async function bothWays(input: unknown, version = 7): Promise<{ ours: Buffer; theirs: Buffer }> {
  const { now } = Date
  Date.now = () => 1_764_194_400_123
  try {
    return { ours: await sent(input, true, version), theirs: await sent(input, false, version) }
  } finally {
    Date.now = now
  }
}

function message(parts: Partial<OutgoingMessage> = {}): OutgoingMessage {
  return { partition: 0, key: null, value: Buffer.from('{"a":1}'), headers: {}, ...parts }
}

function input(messages: readonly OutgoingMessage[], more: object = {}): unknown {
  return {
    acks: -1,
    timeout: 30_000,
    topicData: [{ topic: 't', partitions: [{ partition: 0, firstSequence: 0, messages }] }],
    ...more,
  }
}

const long = 'x'.repeat(70)
const LENGTHS = [0, 1, 20, 50, 51, 52, 62, 63, 64, 65, 8_100, 8_170, 8_180, 8_191, 8_192, 70_000, 3_000_000]

describe('what a producer of kafkajs sends', () => {
  it.each([
    ['a record', [message()]],
    ['no record', []],
    ['keys', [message({ key: Buffer.from('k') }), message({ key: Buffer.alloc(0) })]],
    ['headers', [message({ headers: { 'content-type': 'application/json', empty: '', bytes: Buffer.from([0xff, 0]), long } })]],
    [
      'headers that are not ASCII',
      [message({ headers: { grüße: 'ä', '€': '𝄞 €', lone: '\ud834', [`${long}é`]: `${'é'.repeat(63)}` } })],
    ],
    ['many records', Array.from({ length: 500 }, (_, at) => message({ headers: { at: String(at) } }))],
    ['bodies of any length', LENGTHS.map((length) => message({ value: Buffer.alloc(length, 7) }))],
  ])('is the same, whoever writes it: %s', async (_, messages) => {
    const { ours, theirs } = await bothWays(input(messages))
    expect(ours.equals(theirs)).toBe(true)
  })

  it.each([
    ['of a producer that is idempotent', { producerId: '9007199254740993', producerEpoch: 3 }],
    ['of one that is not', { producerId: -1, producerEpoch: 0, acks: 1 }],
    ['compressed', { compression: 1 }],
    ['in a transaction', { transactionalId: 'tx', producerId: '5' }],
  ])('is the same %s', async (_, more) => {
    const { ours, theirs } = await bothWays(input([message()], more))
    expect(ours.equals(theirs)).toBe(true)
  })

  it('is the same to several partitions and topics', async () => {
    const topicData = ['t', 'größer'].map((topic) => ({
      topic,
      partitions: [3, 2_000_000_000].map((partition) => ({ partition, firstSequence: partition, messages: [message()] })),
    }))
    const { ours, theirs } = await bothWays({ acks: -1, timeout: 1, topicData })
    expect(ours.equals(theirs)).toBe(true)
  })

  it.each([6, 3])('is the same to a broker that knows version %d', async (version) => {
    const { ours, theirs } = await bothWays(input([message()]), version)
    expect(ours.equals(theirs)).toBe(true)
  })

  it('goes to clusters that the client of kafkajs makes where we look for it', () => {
    const kafka: Kafka = new kafkajs.Kafka({ brokers: ['localhost:1'] })
    writeProduces(kafka)
    const [create] = Object.getOwnPropertySymbols(kafka).filter(({ description }) => description === CREATE_CLUSTER)
    const makers = kafka as unknown as Record<symbol, (options: object) => Cluster>
    const findBroker = makers[create as symbol]?.({}).findBroker
    expect(findBroker).toBeDefined()
    expect(String(findBroker)).not.toBe(String(load('./src/cluster').prototype.findBroker))
  })
})
