import { KafkaAdapter, type KafkaAdapterOptions, KafkaClient } from '@comm/messaging-kafka'
import { sharedServer } from '@comm/testkit/servers'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import kafkajs from 'kafkajs'

const { host, port, url } = await sharedServer('kafka')
const never = new AbortController().signal
const at = { host, port }
const unique = `bad.${process.pid}.${Date.now()}`

describe('connecting', () => {
  it.each<[string, KafkaAdapterOptions, object]>([
    [
      'a port where nobody listens',
      { host: '127.0.0.1', port: 1 },
      {
        code: 'COMM_CONNECTION',
        message: 'cannot connect to Kafka at 127.0.0.1:1: Connection error: connect ECONNREFUSED 127.0.0.1:1',
      },
    ],
    [
      'hosts that do not exist',
      { hosts: ['kafka.invalid', 'kafka2.invalid:99'] },
      {
        code: 'COMM_CONNECTION',
        message: expect.stringContaining('cannot connect to Kafka at kafka.invalid:9092, kafka2.invalid:99'),
      },
    ],
    [
      'a login where nobody asks for one',
      { ...at, username: 'me', password: 'top-secret', connectionTimeoutMs: 2000 },
      { code: expect.stringMatching(/^COMM_(?:AUTHENTICATION|CONNECTION)$/) },
    ],
    ['TLS to a port without', { ...at, ssl: {}, connectionTimeoutMs: 2000 }, { code: 'COMM_CONNECTION' }],
    [
      'a certificate that is not there',
      { ...at, ssl: { caFile: '/nowhere/ca.pem' } },
      { code: 'COMM_CONFIGURATION', message: expect.stringContaining('kafka.ssl.caFile cannot be read: ENOENT') },
    ],
    [
      'a compression without its package',
      { ...at, producerConfig: { compressionType: 'lz4' } },
      {
        code: 'COMM_PACKAGE_MISSING',
        message: 'the compression lz4 needs the package kafkajs-lz4. Install it: npm install kafkajs-lz4',
      },
    ],
  ])('%s', async (_, options, expected) => {
    await using adapter = new KafkaAdapter(options)
    const error = await adapter.connect(never).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject(expected)
    expect(String(error)).not.toContain('top-secret')
  })
})

describe('using', () => {
  const adapter = new KafkaAdapter({ ...at, maxBodyBytes: 64 * 1024 * 1024 })
  beforeAll(() => adapter.connect(never))
  afterAll(() => adapter[Symbol.asyncDispose]())
  const request = { maxUnsettled: 1, lanes: 'none' } as const

  it.each<[string, () => Promise<unknown>, object]>([
    [
      'a topic that Kafka forbids',
      () => adapter.subscribe({ ...request, topics: ['order/created'] }, () => undefined),
      {
        code: 'COMM_CONFIGURATION',
        message:
          "topic and group must make names that Kafka allows (letters, digits, '.', '_' and '-', at most 249 characters), got 'order/created'",
      },
    ],
    [
      'a group that makes names which Kafka forbids',
      () => adapter.subscribe({ ...request, topics: ['orders'], group: 'größe' }, () => undefined),
      { code: 'COMM_CONFIGURATION', message: expect.stringContaining("got 'orders.for-größe'") },
    ],
    [
      'a pattern',
      () => adapter.subscribe({ ...request, topics: ['order.*'], pattern: true }, () => undefined),
      { code: 'COMM_UNSUPPORTED', message: 'cannot subscribe to order.* of Kafka: it has no patterns. Name the topics' },
    ],
    [
      'more replicas than there are brokers',
      async () => {
        await using many = new KafkaAdapter({ ...at, replicationFactor: 3 })
        await many.connect(never)
        await many.subscribe({ ...request, topics: [`${unique}.replicas`] }, () => undefined)
      },
      { code: 'COMM_CONFIGURATION', message: expect.stringMatching(/^cannot create the topics .*replication.factor/i) },
    ],
  ])('%s', async (_, use, expected) => {
    await expect(use()).rejects.toMatchObject(expected)
  })

  it.each<[string, Parameters<KafkaAdapter['publish']>[0][number], object]>([
    [
      'to a topic that Kafka forbids',
      { topic: 'order/created', body: new Uint8Array(), headers: {} },
      { stored: 'no', error: expect.objectContaining({ code: 'COMM_CONFIGURATION' }) },
    ],
    [
      'to a topic that is not there',
      { topic: `${unique}.nowhere`, body: new Uint8Array(), headers: {} },
      { stored: 'no', error: expect.objectContaining({ code: 'COMM_UNROUTABLE' }) },
    ],
    [
      "a body beyond the server's own limit",
      { topic: `${unique}.large`, body: new Uint8Array(8 * 1024 * 1024), headers: {}, unroutable: 'ignore' },
      {
        stored: 'no',
        error: expect.objectContaining({
          code: 'COMM_PUBLISH',
          retryable: false,
          message: expect.stringContaining('larger than'),
        }),
      },
    ],
    [
      'headers that alone are beyond it',
      { topic: `${unique}.large`, body: new Uint8Array(), headers: { much: 'x'.repeat(2_000_000) }, unroutable: 'ignore' },
      { stored: 'no', error: expect.objectContaining({ retryable: false }) },
    ],
  ])('publishing %s', async (_, record, expected) => {
    const ok = { topic: `${unique}.large`, body: Buffer.from('fine'), headers: {}, unroutable: 'ignore' } as const
    const [before, result, after] = await adapter.publish([ok, record, ok], never)
    expect(result).toMatchObject({ ok: false, ...expected })
    expect([before, after]).toEqual([{ ok: true }, { ok: true }])
  })

  it('an oversized record among others of its partition: those are stored once, each', async () => {
    const topic = `${unique}.among`
    const record = (text: string) => ({ topic, key: 'k', body: Buffer.from(text), headers: {}, unroutable: 'ignore' }) as const
    const large = { ...record(''), body: new Uint8Array(2 * 1024 * 1024) }
    const results = await adapter.publish([record('a'), record('b'), large, record('c')], never)
    expect(results.map(({ ok }) => ok)).toEqual([true, true, false, true])
    const stored = await adapter.admin.browse({ topic })
    expect(stored.map(({ body }) => Buffer.from(body).toString())).toEqual(['a', 'b', 'c'])
  })
})

describe('through the client', () => {
  const client = new KafkaClient({ ...at, name: 'bad-input' })
  afterAll(() => client.close())

  it.each<[string, () => Promise<unknown>, object]>([
    [
      'a header that is not a string',
      () => client.publish(`${unique}.client`, 1, { headers: { tenant: 7 as never } }),
      { code: 'COMM_CONFIGURATION' },
    ],
    ['a body that cannot be serialised', () => client.publish(`${unique}.client`, { big: 1n }), { code: 'COMM_VALIDATION' }],
    [
      'an oversized message',
      () => client.publish(`${unique}.client`, 'x'.repeat(1_100_000)),
      { code: 'COMM_PUBLISH', retryable: false },
    ],
  ])('%s', async (_, use, expected) => {
    await expect(use()).rejects.toMatchObject(expected)
  })

  it('a handler that throws what is no error: the message dies, and the consumer goes on', async () => {
    const topic = `${unique}.handler`
    const seen: unknown[] = []
    await client.subscribe(
      topic,
      (body) => {
        seen.push(body)
        if (body === 1) throw 'not an error'
      },
      { group: 'g', retry: { maxAttempts: 1 } },
    )
    await client.publish(topic, 1)
    await client.publish(topic, 2)
    const letters = client.deadLetters(topic, 'g')
    while ((await letters.count()) === 0 || seen.length < 2) await new Promise((resolve) => setTimeout(resolve, 20))
    expect((await letters.list())[0]).toMatchObject({ message: expect.stringContaining('not an error') })
  })

  it('a record of no form at all, by another client, stops nobody', async () => {
    const topic = `${unique}.tombstone`
    const got = Promise.withResolvers<unknown>()
    await client.subscribe(topic, (body) => got.resolve(body), { group: 'g' })
    const producer = new kafkajs.Kafka({ brokers: [url], logLevel: kafkajs.logLevel.NOTHING }).producer()
    await producer.connect()
    await producer.send({ topic, messages: [{ value: null }, { value: Buffer.from([0xff, 0]) }, { value: '7' }] })
    await producer.disconnect()
    expect(await got.promise).toBe(7)
  })
})
