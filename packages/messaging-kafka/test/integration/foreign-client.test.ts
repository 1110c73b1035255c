import { execFile, spawn } from 'node:child_process'
import { promisify } from 'node:util'
import type { Delivery, MessageMeta } from '@comm/messaging'
import { KafkaAdapter, KafkaClient } from '@comm/messaging-kafka'
import { handlerSpy } from '@comm/testkit'
import { findTool, sharedServer } from '@comm/testkit/servers'
import { afterAll, describe, expect, it } from '@jest/globals'
import kafkajs from 'kafkajs'

const INSTALL_MS = 120_000
const execute = promisify(execFile)
const { url } = await sharedServer('kafka')
const unique = `foreign.${process.pid}.${Date.now()}`
const client = new KafkaClient({ hosts: [url], partitions: 3 })
afterAll(() => client.close())

async function produce(topic: string, text: string, ...options: readonly string[]): Promise<void> {
  const kcat = spawn(await findTool('kcat'), ['-b', url, '-P', '-t', topic, ...options])
  const ended = new Promise<number | null>((resolve) => kcat.on('close', resolve))
  kcat.stdin.end(text)
  expect(await ended).toBe(0)
}

describe('kcat', () => {
  it(
    'writes what we consume, key and headers included, compressed or not',
    async () => {
      const topic = `${unique}.in`
      const spy = handlerSpy<[body: unknown, meta: MessageMeta]>()
      await client.subscribe(topic, spy, { group: 'g' })
      const headers = ['-H', 'tenant=acme', '-H', 'content-type=application/json']
      await produce(topic, '{"id":7}', '-k', 'customer-1', ...headers)
      for (const codec of ['gzip', 'snappy', 'zstd']) await produce(topic, `"${codec}"`, '-z', codec)
      await spy.called(4)
      expect(spy.messages).toEqual(expect.arrayContaining([{ id: 7 }, 'gzip', 'snappy', 'zstd']))
      const [, meta] = spy.calls.find(([body]) => typeof body === 'object') as [unknown, MessageMeta]
      expect(meta).toMatchObject({ key: 'customer-1', headers: { tenant: 'acme', 'content-type': 'application/json' } })
    },
    INSTALL_MS,
  )

  it(
    'reads what we publish, and puts a key into the same partition as we do',
    async () => {
      const topic = `${unique}.out`
      await client.subscribe(topic, () => undefined, { group: 'g' })
      const keys = Array.from({ length: 20 }, (_, index) => `key-${index}`)
      for (const key of keys) {
        await client.publish(topic, { id: 8 }, { key, headers: { tenant: 'acme' } })
        await produce(topic, 'theirs', '-k', key, '-X', 'partitioner=murmur2_random')
      }
      const format = '%k %p %s %h\\n'
      const { stdout } = await execute(await findTool('kcat'), ['-b', url, '-C', '-e', '-q', '-t', topic, '-f', format])
      const lines = stdout.trim().split('\n')
      expect(lines).toHaveLength(40)
      for (const key of keys) {
        const partitions = lines.filter((line) => line.startsWith(`${key} `)).map((line) => line.split(' ')[1])
        expect(new Set(partitions).size).toBe(1)
      }
      expect(lines[0]).toMatch(/ \{"id":8\} .*tenant=acme/)
      expect(lines[0]).toMatch(new RegExp(`ce_specversion=1.0.*|ce_type=${topic}`))
    },
    INSTALL_MS,
  )
})

describe('kafkajs', () => {
  it('what was in a transaction arrives once that is committed, and never when it was aborted', async () => {
    const topic = `${unique}.transactions`
    const spy = handlerSpy()
    await client.subscribe(topic, spy, { group: 'g' })
    const kafka = new kafkajs.Kafka({ brokers: [url], logLevel: kafkajs.logLevel.NOTHING })
    const producer = kafka.producer({ transactionalId: topic, idempotent: true, maxInFlightRequests: 1 })
    await producer.connect()
    const inTransaction = async (...values: readonly string[]) => {
      const transaction = await producer.transaction()
      for (const value of values) await transaction.send({ topic, messages: [{ value: JSON.stringify(value), partition: 0 }] })
      return transaction
    }
    await (await inTransaction('one', 'two')).commit()
    await (await inTransaction('three', 'four')).abort()
    await (await inTransaction('five')).commit()
    await producer.disconnect()
    await client.publish(topic, 'six')
    await spy.called(4)
    expect(spy.messages.toSorted()).toEqual(['five', 'one', 'six', 'two'])
  })

  it('headers that come several times, and bytes that are no text, arrive as they can', async () => {
    const topic = `${unique}.types`
    await using adapter = new KafkaAdapter({ hosts: [url] })
    await adapter.connect(new AbortController().signal)
    const arrived = Promise.withResolvers<Delivery>()
    await adapter.subscribe({ topics: [topic], group: 'g', maxUnsettled: 1, lanes: 'none' }, arrived.resolve)
    const producer = new kafkajs.Kafka({ brokers: [url], logLevel: kafkajs.logLevel.NOTHING }).producer()
    await producer.connect()
    const headers = { several: ['a', 'b'], bytes: Buffer.from([0xff, 0]), empty: '' }
    await producer.send({ topic, messages: [{ key: 'k', value: 'body', headers }] })
    await producer.disconnect()
    const delivery = await arrived.promise
    expect(delivery).toMatchObject({ key: 'k', topic, id: expect.stringMatching(/^0-0$/) })
    expect(delivery.headers).toEqual({ several: 'b', bytes: Buffer.from([0xff, 0]), empty: '' })
  })

  it.each(['gzip', 'snappy', 'zstd'] as const)('reads what we compress with %s', async (compressionType) => {
    const topic = `${unique}.${compressionType}`
    await using compressing = new KafkaClient({ hosts: [url], producerConfig: { compressionType } })
    const spy = handlerSpy<[body: unknown]>()
    await client.subscribe(topic, spy, { group: 'g' })
    await compressing.publishMany(topic, ['a', 'b', 'c'])
    await spy.called(3)
    expect(spy.messages.toSorted()).toEqual(['a', 'b', 'c'])
  })
})
