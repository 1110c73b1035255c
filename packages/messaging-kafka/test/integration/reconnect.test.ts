import { constantBackoff, silentLogger, sleep } from '@comm/core'
import { KafkaAdapter, KafkaClient } from '@comm/messaging-kafka'
import { handlerSpy, waitFor } from '@comm/testkit'
import { startFaultProxy } from '@comm/testkit/fault-proxy'
import { startKafka, type TestServer } from '@comm/testkit/servers'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'

const LIMIT_MS = 180_000
const CASES_MS = { timeoutMs: 90_000 }
let server: TestServer

beforeAll(async () => {
  // Of its own: what only this file does is to kill it.
  server = await startKafka({ config: { 'num.partitions': '3' } })
}, LIMIT_MS)
afterAll(() => server.close())

const names = new Set<string>()
function name(prefix: string): string {
  names.add(prefix)
  return `${prefix}${names.size}`
}

describe('a broker that goes away', () => {
  it(
    'killed and started again: what was published before and meanwhile arrives, in the order of its key, retries that waited too',
    async () => {
      const topic = name('killed.')
      await using client = new KafkaClient({ hosts: [server.url], publishTimeoutMs: 120_000 })
      const failedOnce = new Set<unknown>()
      const spy = handlerSpy<[body: unknown], unknown>((body) => {
        if (Number(body) % 10 !== 0 || failedOnce.has(body)) return
        failedOnce.add(body)
        throw new Error('again, please')
      })
      await client.subscribe(topic, spy, { group: 'g', retry: { backoff: constantBackoff({ baseMs: 1000 }) } })
      await client.publish(topic, 0)
      await spy.called(1)
      const publish = (index: number): Promise<unknown> => client.publish(topic, index, { key: `key-${index % 7}` })
      const published = Array.from({ length: 200 }, (_, index) => publish(index + 1))
      await server.kill()
      const meanwhile = Array.from({ length: 100 }, (_, index) => publish(index + 201))
      await waitFor(async () => (await client.health()).status === 'down', { what: 'red health', ...CASES_MS })
      await server.restart()
      await Promise.all([...published, ...meanwhile])
      await waitFor(() => new Set(spy.messages).size === 301 && failedOnce.size === 31, { what: 'all 301 messages', ...CASES_MS })
      const firsts = [...new Set(spy.messages)].map(Number)
      for (let key = 0; key < 7; key++) {
        const ofKey = firsts.filter((index) => index > 0 && index % 7 === key)
        expect(ofKey).toEqual(ofKey.toSorted((a, b) => a - b))
      }
      expect((await client.health()).status).toBe('up')
    },
    LIMIT_MS,
  )

  it(
    'killed while delayed records wait: all come, on time or late, but none is lost',
    async () => {
      const topic = name('delayed.')
      const count = 500
      await using adapter = new KafkaAdapter({ hosts: [server.url] })
      const signal = new AbortController().signal
      await adapter.connect(signal)
      const notBefore = Date.now() + 8000
      const records = Array.from({ length: count }, (_, id) => ({
        topic,
        group: 'g',
        body: Buffer.from(String(id)),
        headers: {},
        notBefore,
      }))
      expect((await adapter.publish(records, signal)).filter(({ ok }) => !ok)).toEqual([])
      await server.kill()
      await server.restart()
      await waitFor(async () => (await adapter.health()).status === 'up', { what: 'green health', ...CASES_MS })
      const arrived = new Set<string>()
      await adapter.subscribe({ topics: [topic], group: 'g', maxUnsettled: count, lanes: 'none' }, (delivery) => {
        expect(Date.now()).toBeGreaterThanOrEqual(notBefore)
        arrived.add(Buffer.from(delivery.body).toString())
        void delivery.settle('ack')
      })
      await waitFor(() => arrived.size === count, { what: 'every record', ...CASES_MS })
    },
    LIMIT_MS,
  )

  it(
    'stopped: health is red within 5 s, and green again within 5 s once it goes on',
    async () => {
      const topic = name('stopped.')
      await using client = new KafkaClient({ hosts: [server.url] })
      const spy = handlerSpy<[body: unknown], unknown>()
      await client.subscribe(topic, spy, { group: 'g' })
      await server.stop()
      const stoppedAt = performance.now()
      await waitFor(async () => (await client.health()).status === 'down', { what: 'red health', ...CASES_MS })
      expect(performance.now() - stoppedAt).toBeLessThan(5000)
      await server.continue()
      const answersAt = performance.now()
      await waitFor(async () => (await client.health()).status === 'up', { what: 'green health', ...CASES_MS })
      expect(performance.now() - answersAt).toBeLessThan(5000)
      await client.publish(topic, 'after')
      await spy.called(1, 60_000)
    },
    LIMIT_MS,
  )

  it(
    'stopped: a subscription stops in its time',
    async () => {
      await using client = new KafkaClient({ hosts: [server.url] })
      const subscription = await client.subscribe(name('stop.'), () => undefined, { group: 'g' })
      await server.stop()
      try {
        const startedAt = performance.now()
        await subscription.stop(500)
        expect(performance.now() - startedAt).toBeLessThan(5000)
      } finally {
        await server.continue()
      }
    },
    LIMIT_MS,
  )

  it(
    'stopped for good: a client is closed in its time, and does not wait to have disconnected',
    async () => {
      const lines: string[] = []
      const logger = { ...silentLogger, warn: (message: string) => void lines.push(message) }
      const client = new KafkaClient({ hosts: [server.url], closeTimeoutMs: 100, logger })
      await client.subscribe(name('closed.'), () => undefined, { group: 'g' })
      await server.stop()
      try {
        const startedAt = performance.now()
        await client.close()
        expect(performance.now() - startedAt).toBeLessThan(5000)
        expect(lines).toContain('messaging was closed before it had disconnected')
      } finally {
        await server.continue()
      }
    },
    LIMIT_MS,
  )
})

describe('a way that goes away', () => {
  it(
    'half open: noticed, and everything is back when it heals',
    async () => {
      const topic = name('half-open.')
      await using proxy = await startFaultProxy({ target: { host: server.host, port: server.port } })
      const { host, port } = proxy
      await using client = new KafkaClient({
        host,
        port,
        translateAddress: () => ({ host, port }),
        connectionTimeoutMs: 1000,
        producerConfig: { requestTimeoutMs: 2000 },
      })
      const spy = handlerSpy<[body: unknown], unknown>()
      await client.subscribe(topic, spy, { group: 'g' })
      proxy.halfOpen()
      const published = client.publish(topic, 'meanwhile', { timeoutMs: 60_000 })
      await waitFor(async () => /no connection/.test((await client.health()).reason ?? ''), { what: 'the loss', ...CASES_MS })
      await proxy.heal()
      await published
      await spy.called(1, 60_000)
    },
    LIMIT_MS,
  )

  it(
    'cut again and again in the middle of what is read: every message comes',
    async () => {
      const topic = name('cut.')
      await using proxy = await startFaultProxy({ target: { host: server.host, port: server.port } })
      const { host, port } = proxy
      await using client = new KafkaClient({ host, port, translateAddress: () => ({ host, port }) })
      const spy = handlerSpy<[body: unknown], unknown>()
      await client.subscribe(topic, spy, { group: 'g' })
      proxy.throttle(100_000)
      await using publisher = new KafkaClient({ hosts: [server.url] })
      const text = 'x'.repeat(100_000)
      const published = Array.from({ length: 30 }, (_, index) => publisher.publish(topic, { index, text }))
      const came = (): Set<unknown> => new Set(spy.messages.map((body) => (body as { index: number }).index))
      for (let cut = 0; cut < 8; cut++) {
        await sleep(500)
        proxy.reset()
      }
      await proxy.heal()
      await Promise.all(published)
      await waitFor(() => came().size === 30, { what: 'every message', ...CASES_MS })
    },
    LIMIT_MS,
  )

  it(
    'the first of several brokers is away: the next is used',
    async () => {
      await using adapter = new KafkaAdapter({ hosts: ['127.0.0.1:1', server.url] })
      await adapter.connect(new AbortController().signal)
      expect((await adapter.health()).status).toBe('up')
    },
    LIMIT_MS,
  )
})
