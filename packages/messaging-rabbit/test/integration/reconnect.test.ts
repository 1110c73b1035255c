import { constantBackoff, silentLogger } from '@comm/core'
import type { OutboundRecord } from '@comm/messaging'
import { RabbitMQAdapter, RabbitMQClient } from '@comm/messaging-rabbit'
import { brokerContract, handlerSpy, waitFor } from '@comm/testkit'
import { startFaultProxy } from '@comm/testkit/fault-proxy'
import { startRabbitMQ, type TestServer } from '@comm/testkit/servers'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import amqp from 'amqplib'

const LIMIT_MS = 120_000
const CASES_MS = { timeoutMs: 60_000 }
/** RabbitMQ waits 180 s before it hands on again what came out of a delay while the queue of the group was not back yet. */
const HANDED_ON_AGAIN_MS = 200_000
let server: TestServer

beforeAll(async () => {
  server = await startRabbitMQ({ tls: 'mutual' })
}, LIMIT_MS)
afterAll(() => server.close())

const names = new Set<string>()
function name(prefix: string): string {
  names.add(prefix)
  return `${prefix}${names.size}`
}

async function consumersOf(queue: string): Promise<number> {
  const connection = await amqp.connect(server.url)
  try {
    return (await (await connection.createChannel()).checkQueue(queue)).consumerCount
  } finally {
    await connection.close()
  }
}

describe('a broker that goes away', () => {
  it(
    'killed and started again: what was published before and meanwhile arrives, retries that waited too, and each consumer is back once',
    async () => {
      const topic = name('killed.')
      await using client = new RabbitMQClient({ url: server.url, publishTimeoutMs: 60_000 })
      const failedOnce = new Set<unknown>()
      const spy = handlerSpy<[body: unknown], unknown>((body) => {
        if (Number(body) % 10 !== 0 || failedOnce.has(body)) return
        failedOnce.add(body)
        throw new Error('again, please')
      })
      await client.subscribe(topic, spy, { group: 'g', retry: { backoff: constantBackoff({ baseMs: 1000 }) } })
      await client.publish(topic, 0)
      await spy.called(1)
      const published = Array.from({ length: 200 }, (_, index) => client.publish(topic, index + 1))
      await server.kill()
      const meanwhile = Array.from({ length: 100 }, (_, index) => client.publish(topic, index + 201))
      await server.restart()
      await Promise.all([...published, ...meanwhile])
      await waitFor(() => new Set(spy.messages).size === 301 && failedOnce.size === 31, { what: 'all 301 messages', ...CASES_MS })
      await waitFor(async () => (await consumersOf(`${topic}@g`)) === 1, { what: 'one consumer', ...CASES_MS })
      expect((await client.health()).status).toBe('up')
    },
    LIMIT_MS,
  )

  it(
    'killed as soon as it has confirmed delayed records, in queues that are as young: none is lost, and publishing goes on',
    async () => {
      const topic = name('young.')
      const count = 500
      await using adapter = new RabbitMQAdapter({ url: server.url, exchange: topic })
      const signal = new AbortController().signal
      await adapter.connect(signal)
      const record = (id: number, delayMs: number): OutboundRecord => ({
        topic,
        group: 'g',
        body: Buffer.from(String(id)),
        headers: {},
        notBefore: Date.now() + delayMs,
      })
      const records = Array.from({ length: count }, (_, id) => record(id, 4000))
      const results = await adapter.publish(records, signal)
      await server.kill()
      expect(results.filter(({ ok }) => !ok)).toEqual([])
      await server.restart()
      await waitFor(async () => (await adapter.health()).status === 'up', { what: 'green health', ...CASES_MS })
      expect(await adapter.publish([record(count, 4000)], AbortSignal.timeout(CASES_MS.timeoutMs))).toEqual([{ ok: true }])
      const arrived = new Set<string>()
      await adapter.subscribe({ topics: [topic], group: 'g', maxUnsettled: count, lanes: 'none' }, (delivery) => {
        arrived.add(Buffer.from(delivery.body).toString())
        void delivery.settle('ack')
      })
      await waitFor(() => arrived.size === count + 1, { what: 'every record', timeoutMs: HANDED_ON_AGAIN_MS })
    },
    LIMIT_MS + HANDED_ON_AGAIN_MS,
  )

  it(
    'stopped: health is red within 5 s, and green again once it goes on',
    async () => {
      const topic = name('stopped.')
      await using client = new RabbitMQClient({ url: server.url, heartbeatMs: 2000 })
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
      await spy.called(1)
    },
    LIMIT_MS,
  )

  it(
    'stopped for good: a client is closed in its time, and does not wait to have disconnected',
    async () => {
      const lines: string[] = []
      const logger = { ...silentLogger, warn: (message: string) => void lines.push(message) }
      const client = new RabbitMQClient({ url: server.url, closeTimeoutMs: 100, logger })
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
    'half open: noticed by heartbeats, and the consumer is back once',
    async () => {
      const topic = name('half-open.')
      await using proxy = await startFaultProxy({ target: { host: server.host, port: server.port } })
      await using client = new RabbitMQClient({
        host: proxy.host,
        port: proxy.port,
        heartbeatMs: 1000,
        connectionTimeoutMs: 1000,
      })
      const spy = handlerSpy<[body: unknown], unknown>()
      await client.subscribe(topic, spy, { group: 'g' })
      proxy.halfOpen()
      await waitFor(async () => /no connection/.test((await client.health()).reason ?? ''), { what: 'the loss', ...CASES_MS })
      await proxy.heal()
      await client.publish(topic, 'after')
      await spy.called(1)
      await waitFor(async () => (await consumersOf(`${topic}@g`)) === 1, { what: 'one consumer', ...CASES_MS })
    },
    LIMIT_MS,
  )

  it(
    'the first of several hosts is away: the next is used',
    async () => {
      await using adapter = new RabbitMQAdapter({ hosts: ['127.0.0.1:1', `${server.host}:${server.port}`] })
      await adapter.connect(new AbortController().signal)
      expect((await adapter.health()).status).toBe('up')
    },
    LIMIT_MS,
  )
})

describe('a broker short of memory', () => {
  it(
    'takes no publishes: they are refused at once and health says why, until it has room again',
    async () => {
      const topic = name('blocked.')
      await using blocked = await startRabbitMQ({ config: { 'vm_memory_high_watermark.absolute': '1MB' } })
      await using adapter = new RabbitMQAdapter({ url: blocked.url })
      const signal = new AbortController().signal
      await adapter.connect(signal)
      const record = { topic, body: new Uint8Array(1), headers: {}, unroutable: 'ignore' } as const
      // RabbitMQ tells a connection with its first publish.
      void adapter.publish([record], signal)
      await waitFor(async () => (await adapter.health()).status === 'degraded', { what: 'degraded health', ...CASES_MS })
      expect((await adapter.health()).reason).toMatch(/^RabbitMQ takes no publishes: low on memory/)
      const [result] = await adapter.publish([record], signal)
      expect(result).toMatchObject({ ok: false, stored: 'no', error: { code: 'COMM_CONNECTION' } })
    },
    LIMIT_MS,
  )
})

describe('TLS', () => {
  it(
    'a certificate that nobody knows is refused, and so is a client without one',
    async () => {
      const signal = new AbortController().signal
      const url = String(server.urls.tls)
      await using stranger = new RabbitMQAdapter({ url })
      await expect(stranger.connect(signal)).rejects.toMatchObject({ code: 'COMM_CONNECTION' })
      await using nameless = new RabbitMQAdapter({ url, ssl: { ca: String(server.tls?.ca) } })
      await expect(nameless.connect(signal)).rejects.toMatchObject({ code: 'COMM_CONNECTION' })
    },
    LIMIT_MS,
  )

  brokerContract(
    { describe, it, afterAll },
    {
      name: 'RabbitMQ over mutual TLS',
      features: new RabbitMQAdapter().features,
      createAdapter: () => {
        const { ca, cert, key } = server.tls ?? {}
        return new RabbitMQAdapter({ url: String(server.urls.tls), ssl: { ca: `${ca}`, cert: `${cert}`, key: `${key}` } })
      },
      limits: { earlyMs: 110 },
    },
  )
})
