import { describe, expect, it } from '@jest/globals'
import type { IncomingBatch } from '../src/driver.ts'
import { type FetchedBatch, incoming, readFetches } from '../src/kafkajs-fetch.ts'
import { batch, encoder, load, type PartitionParts, record, response } from './support/encoding.ts'

const FETCH = 1
const { lookup, requests } = load('./src/protocol/requests')
const Batch = load('./src/consumer/batch') as new (topic: string, from: string, fetched: unknown) => FetchedBatch
const messageSet = load('./src/protocol/messageSet')

/** How kafkajs takes an answer of a broker that knows Fetch up to this version. */
async function taken(partitions: readonly PartitionParts[], version = 11): Promise<readonly { readonly partition: number }[]> {
  const broker = { lookupRequest: lookup({ [FETCH]: { minVersion: 4, maxVersion: version } }) }
  const cluster = { findBroker: async () => broker }
  readFetches(cluster as never)
  await cluster.findBroker()
  const known = broker.lookupRequest
  await cluster.findBroker()
  expect(broker.lookupRequest).toBe(known)
  const { response: reading } = broker.lookupRequest(FETCH, requests.Fetch)({ maxWaitTime: 1, topics: [] })
  return (await reading.parse(await reading.decode(response('t', partitions, version)))).responses[0].partitions
}

/** What a consumer of kafkajs makes of it. */
async function fetched(partition: PartitionParts, from = 0, version = 11): Promise<IncomingBatch> {
  const [told] = await taken([partition], version)
  return incoming(new Batch('t', String(from), told))
}

const headers = [
  ['name', Buffer.from('value')],
  ['bytes', Buffer.from([0xff])],
] as const
const records = [10, 11, 12].map((_, offsetDelta) => record({ offsetDelta, value: Buffer.from('v'), timestampDelta: 2, headers }))

describe('what a consumer of kafkajs has fetched', () => {
  it.each([11, 10])('is the same by version %d, whoever reads it', async (version) => {
    const sent = await batch(records, { firstOffset: 10, lastOffsetDelta: 2, firstTimestamp: 40 })
    const got = await fetched({ partition: 3, records: sent }, 11, version)
    const message = { timestamp: 42, key: null, value: Buffer.from('v'), headers: { name: 'value', bytes: Buffer.from([0xff]) } }
    expect(got).toEqual({
      source: { topic: 't', partition: 3 },
      messages: [
        { ...message, offset: 11 },
        { ...message, offset: 12 },
      ],
      from: 11,
      next: 13,
      high: 5000,
    })
  })

  it('ends where its last batch ended, though the last records of that are gone', async () => {
    const sent = await batch(records, { firstOffset: 10, lastOffsetDelta: 20 })
    expect(await fetched({ records: sent })).toMatchObject({ next: 31 })
  })

  it('is empty where nothing of it is for us, and goes on behind it', async () => {
    const sent = await batch(records, { firstOffset: 10, producerId: 1, transactional: true })
    const got = await fetched({ records: sent, aborted: [{ producerId: 1, firstOffset: 10 }] })
    expect(got).toMatchObject({ messages: [], next: 13 })
  })

  it('may be of an older format', async () => {
    const entries = [{ timestamp: 7, key: Buffer.from('k'), value: Buffer.from('v') }]
    const { buffer } = messageSet({ messageVersion: 1, entries, compression: 1 })
    expect((await fetched({ records: encoder().writeBuffer(buffer).buffer })).messages).toEqual([
      { offset: 0, timestamp: 7, key: Buffer.from('k'), value: Buffer.from('v'), headers: {} },
    ])
  })

  it('says nothing of partitions that had nothing', async () => {
    const sent = await batch(records)
    const told = await taken([
      { partition: 1, records: Buffer.alloc(0) },
      { partition: 2, records: sent },
    ])
    expect(told.map(({ partition }) => partition)).toEqual([2])
  })

  it('is refused with its error where it cannot be read', async () => {
    const sent = await batch(records)
    sent[57] = 0x80
    await expect(fetched({ records: sent })).rejects.toThrow('Kafka sent what cannot be read')
  })
})
