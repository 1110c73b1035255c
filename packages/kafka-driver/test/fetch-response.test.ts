import { ConsumeError } from '@comm/core'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { loadCodecs, unpack } from '../src/codecs.ts'
import type { IncomingMessage } from '../src/driver.ts'
import { decodeFetch, type FetchResponse } from '../src/wire/fetch-response.ts'
import { HeaderReader } from '../src/wire/headers.ts'
import type { DecodedRecords } from '../src/wire/record-batches.ts'
import { batch, decodeByKafkaJs, mark, type PartitionParts, type RecordParts, record, response } from './support/encoding.ts'

const text = (value: string): Buffer => Buffer.from(value)

async function read(bytes: Buffer): Promise<FetchResponse> {
  const read = await decodeFetch(bytes, new HeaderReader(), unpack)
  if (read === undefined) throw new Error('records of an older format')
  return read
}

async function decoded(partition: PartitionParts): Promise<DecodedRecords> {
  return (await read(response('t', [partition]))).topics[0]?.partitions[0]?.decoded as DecodedRecords
}

async function valuesOf(partition: PartitionParts): Promise<readonly string[]> {
  return (await decoded(partition)).records.map(({ value }) => String(value))
}

describe('an answer to Fetch', () => {
  it('is read with its partitions and what is said of each', async () => {
    const one = await batch([record({ value: text('a') })], { firstOffset: 41 })
    const answer = await read(
      response('orders', [
        { partition: 2, records: one },
        { partition: 5, records: Buffer.alloc(0) },
      ]),
    )
    expect(answer).toMatchObject({ throttleMs: 3, errorCode: 0, sessionId: 77 })
    expect(answer.topics.map(({ topic }) => topic)).toEqual(['orders'])
    const [full, empty] = answer.topics[0]?.partitions ?? []
    expect(full).toMatchObject({
      partition: 2,
      errorCode: 0,
      highWatermark: 5000,
      preferredReadReplica: -1,
      decoded: { next: 42 },
    })
    expect(empty).toMatchObject({ partition: 5, decoded: { records: [], next: undefined } })
  })

  it('has records with key, value, time and headers', async () => {
    const headers = [
      ['content-type', text('text/plain')],
      ['bytes', Buffer.from([0xff, 0x00])],
      ['twice', text('first')],
      ['nothing', null],
      ['twice', text('größer \uFFFD')],
    ] as const
    const records = [
      record({ key: text('k'), value: text('v'), timestampDelta: 7, headers }),
      record({ offsetDelta: 300, timestampDelta: -9, key: null, value: null }),
      record({ offsetDelta: 70_000, timestampDelta: 2 ** 42 + 1, key: Buffer.alloc(0), value: Buffer.alloc(20_000, 'x') }),
    ]
    const sent = await batch(records, { firstOffset: 2 ** 40, firstTimestamp: 1_700_000_000_000, lastOffsetDelta: 70_001 })
    const { records: got, next } = await decoded({ records: sent })
    expect(next).toBe(2 ** 40 + 70_002)
    expect(got[0]).toEqual({
      offset: 2 ** 40,
      timestamp: 1_700_000_000_007,
      key: text('k'),
      value: text('v'),
      headers: { 'content-type': 'text/plain', bytes: Buffer.from([0xff, 0x00]), twice: 'größer \uFFFD' },
    })
    expect(got[1]).toEqual({ offset: 2 ** 40 + 300, timestamp: 1_699_999_999_991, key: null, value: null, headers: {} })
    expect(got[2]).toMatchObject({ offset: 2 ** 40 + 70_000, timestamp: 1_700_000_000_000 + 2 ** 42 + 1, key: Buffer.alloc(0) })
    expect(got[2]?.value).toHaveLength(20_000)
  })

  it('takes the last of several headers of one name, also where that one has no value', async () => {
    const headers = [
      ['twice', text('first')],
      ['once', text('only')],
      ['twice', null],
    ] as const
    const sent = await batch([record({ headers })])
    expect((await decoded({ records: sent })).records[0]?.headers).toEqual({ once: 'only' })
  })

  it.each([text('x'), Buffer.from([0xff, 0xfe])])('takes __proto__ for a name like any other', async (value) => {
    const sent = await batch([record({ headers: [['__proto__', value]] })])
    const { headers } = (await decoded({ records: sent })).records[0] as IncomingMessage
    expect(Object.getPrototypeOf(headers)).toBe(Object.prototype)
    expect(Object.keys(headers)).toEqual(['__proto__'])
  })

  it('tells headers of one place apart by their names', async () => {
    const names = ['aa', 'ab', 'aa', 'a', 'abc']
    const sent = await batch(names.map((name, offsetDelta) => record({ offsetDelta, headers: [[name, text(name)]] })))
    expect((await decoded({ records: sent })).records.map(({ headers }) => headers)).toEqual(
      names.map((name) => ({ [name]: name })),
    )
  })

  it('takes the time of the log where the topic says so', async () => {
    const sent = await batch([record({ timestampDelta: 5 })], { firstTimestamp: 10, maxTimestamp: 99 })
    sent[22] = (sent[22] as number) | 0x08
    expect((await decoded({ records: sent })).records[0]?.timestamp).toBe(99)
  })

  it('ends before a batch that was cut off', async () => {
    const first = await batch([record({ value: text('a') })])
    const second = await batch([record({ value: text('b') })], { firstOffset: 1 })
    for (let cut = 0; cut < second.length; cut++) {
      const { records, next } = await decoded({ records: Buffer.concat([first, second.subarray(0, cut)]) })
      expect({ count: records.length, next }).toEqual({ count: 1, next: 1 })
    }
  })

  it.each([
    ['gzip', 1],
    ['snappy', 2],
    ['zstd', 4],
  ] as const)('reads %s', async (compression, codec) => {
    await loadCodecs(compression)
    const records = [record({ value: text('a') }), record({ offsetDelta: 1, value: text('b') })]
    expect(await valuesOf({ records: await batch(records, { compression: codec }) })).toEqual(['a', 'b'])
  })

  it('leaves out what was aborted, and the marks of transactions', async () => {
    const of = (producerId: number, firstOffset: number, value: string) =>
      batch([record({ value: text(value) })], { producerId, firstOffset, transactional: true })
    const sent = Buffer.concat([
      await of(1, 0, 'aborted'),
      await of(2, 1, 'committed'),
      await batch([record({ value: text('plain') })], { firstOffset: 2 }),
      await of(1, 3, 'aborted too'),
      await mark(true, { producerId: 1, firstOffset: 4 }),
      await of(1, 5, 'the next transaction'),
      await mark(false, { producerId: 2, firstOffset: 6 }),
      await of(1, 7, 'aborted later'),
      await mark(true, { producerId: 1, firstOffset: 8 }),
    ])
    const aborted = [
      { producerId: 1, firstOffset: 7 },
      { producerId: 1, firstOffset: 0 },
    ]
    expect(await valuesOf({ records: sent, aborted })).toEqual(['committed', 'plain', 'the next transaction'])
    expect(await decoded({ records: sent, aborted })).toMatchObject({ next: 9 })
  })

  it('is left to kafkajs where records have an older format', async () => {
    const old = await batch([record({})])
    old[16] = 1
    expect(await decodeFetch(response('t', [{ records: old }]), new HeaderReader(), unpack)).toBeUndefined()
  })
})

describe('beside kafkajs', () => {
  const bytes = fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.string().map(text)).map((value) => Buffer.from(value))
  const parts: fc.Arbitrary<Omit<RecordParts, 'offsetDelta'>> = fc.record({
    timestampDelta: fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
    key: fc.option(bytes),
    value: fc.option(bytes),
    headers: fc.uniqueArray(
      fc.tuple(
        fc.string().filter((name) => !(name in {})),
        bytes,
      ),
      { selector: ([name]) => name, maxLength: 5 },
    ),
  })
  const sent = fc.record({ parts: fc.array(parts, { maxLength: 8 }), firstOffset: fc.nat() })

  it('the same is read of what kafkajs wrote', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(sent, { maxLength: 4 }), async (batches) => {
        const all = batches.map(({ parts, firstOffset }) => {
          const records = parts.map((part, offsetDelta) => record({ ...part, offsetDelta }))
          return batch(records, { firstOffset, lastOffsetDelta: Math.max(0, records.length - 1) })
        })
        const answer = response('t', [{ records: Buffer.concat(await Promise.all(all)) }])
        expect(plain((await read(answer)).topics[0]?.partitions[0]?.decoded.records ?? [])).toEqual(plain(await theirs(answer)))
      }),
      { numRuns: 60 },
    )
  })
})

interface Theirs {
  readonly responses: readonly { readonly partitions: readonly { readonly messages: readonly IncomingMessage[] }[] }[]
}

async function theirs(answer: Buffer): Promise<readonly IncomingMessage[]> {
  return ((await decodeByKafkaJs(answer)) as Theirs).responses[0]?.partitions[0]?.messages ?? []
}

/** kafkajs has numbers as texts, and headers as bytes. */
function plain(messages: readonly IncomingMessage[]): unknown {
  return messages.map(({ offset, timestamp, key, value, headers }) => ({
    offset: String(offset),
    timestamp: String(timestamp),
    key: key?.toString('hex') ?? null,
    value: value?.toString('hex') ?? null,
    headers: Object.entries(headers).map(([name, given]) => [name, Buffer.from(given).toString('hex')]),
  }))
}

describe('an answer that is broken', () => {
  const whole = async (): Promise<Buffer> => {
    const headers = [['name', text('value')]] as const
    const records = [record({ key: text('k'), value: text('v'), headers }), record({ offsetDelta: 1, headers })]
    return response('t', [
      {
        records: await batch(records, { transactional: true, producerId: 9 }),
        aborted: [{ producerId: 1, firstOffset: 9 }],
      },
    ])
  }

  it.each([
    ['a batch that says it is shorter than its own fields', 8, [0, 0, 0, 1], /a batch of 1 bytes/],
    ['a batch of a format to come', 16, [3], /a batch of format 3/],
    ['a negative count of records', 57, [0xff, 0xff, 0xff, 0xff], /a batch of -1 records/],
    ['more records than there are', 57, [0, 0, 0, 9], /a number without an end/],
    ['a codec that nobody knows', 21, [0, 7], /unknown codec 7/],
    ['what no codec can unpack', 21, [0, 1], /a compressed batch: /],
    ['a record beyond its batch', 61, [0x7e], /bytes where there are/],
    ['a record of less than nothing', 61, [0x03], /-2 bytes/],
    ['a number without an end', 63, Array(12).fill(0xff), /a number without an end/],
  ])('%s', async (_, at, bytes, message) => {
    const sent = await batch([record({ value: Buffer.alloc(20) })])
    sent.set(bytes, at)
    await expect(decoded({ records: sent })).rejects.toThrow(message)
    await expect(decoded({ records: sent })).rejects.toMatchObject({ code: 'COMM_CONSUME', retryable: true, retriable: false })
  })

  it('is a typed error wherever a byte is wrong, or is read as something else', async () => {
    const good = await whole()
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.integer({ min: 0, max: 255 }), async (place, byte) => {
        const bad = Buffer.from(good)
        bad[place % bad.length] = byte
        await decodeFetch(bad, new HeaderReader(), async (_, unpacked) => unpacked).catch(onlyTyped)
      }),
      { numRuns: 600 },
    )
  })

  it('is a typed error where it ends early', async () => {
    const answer = await whole()
    for (let length = 0; length < answer.length; length++)
      await expect(decodeFetch(answer.subarray(0, length), new HeaderReader(), unpack)).rejects.toThrow(ConsumeError)
  })

  it('names the package that unpacks what cannot be unpacked here', async () => {
    const sent = await batch([record({})])
    sent[22] = 3
    await expect(decoded({ records: sent })).rejects.toThrow(/LZ4 compression not implemented/)
  })
})

function onlyTyped(thrown: unknown): void {
  if (!(thrown instanceof ConsumeError)) throw thrown
}
