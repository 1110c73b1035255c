import { RabbitMQAdapter } from '@comm/messaging-rabbit'
import { waitFor } from '@comm/testkit'
import { sharedServer } from '@comm/testkit/servers'
import { afterAll, describe, expect, it } from '@jest/globals'
import amqp from 'amqplib'

const { url } = await sharedServer('rabbitmq')
const never = new AbortController().signal
const exchange = `deleted.${process.pid}.${Date.now()}`
const topic = `${exchange}.topic`
const record = { topic, group: 'g', body: Buffer.from('{}'), headers: {} }
const connection = await amqp.connect(url)
const channel = await connection.createChannel()
afterAll(() => connection.close())

describe('queues that somebody deleted while a connection lasts', () => {
  it('are made again for what is meant for a group alone', async () => {
    await using adapter = new RabbitMQAdapter({ url, exchange })
    await adapter.connect(never)
    expect(await adapter.publish([record], never)).toEqual([{ ok: true }])
    await channel.deleteQueue(`${topic}@g`)
    expect(await adapter.publish([record, record], never)).toEqual([{ ok: true }, { ok: true }])
    await waitFor(async () => (await adapter.admin.lag(topic, 'g')) === 2, { what: 'both in the queue' })
  })

  it('are made again for what is delayed', async () => {
    await using adapter = new RabbitMQAdapter({ url, exchange })
    await adapter.connect(never)
    // Due soon, though in a tier of its own that nothing else uses meanwhile.
    const delayed = () => ({ ...record, topic: `${topic}.later`, notBefore: Date.now() + 1000 })
    expect(await adapter.publish([delayed()], never)).toEqual([{ ok: true }])
    await channel.deleteQueue(`${exchange}.group.delay.1000`)
    expect(await adapter.publish([delayed()], never)).toEqual([{ ok: true }])
    await waitFor(async () => (await adapter.admin.lag(`${topic}.later`, 'g')) > 0, {
      what: 'what was delayed',
    })
  })
})

describe('a delay', () => {
  const delayed = (delayMs: number) => ({ ...record, topic: `${topic}.delayed`, notBefore: Date.now() + delayMs })

  it('that many make at the same time is made once, and holds what each of them published', async () => {
    const adapters = Array.from({ length: 5 }, () => new RabbitMQAdapter({ url, exchange }))
    try {
      await Promise.all(adapters.map((adapter) => adapter.connect(never)))
      const results = await Promise.all(adapters.map((adapter) => adapter.publish([delayed(2000)], never)))
      expect(results.flat()).toEqual(Array(5).fill({ ok: true }))
      await waitFor(async () => (await adapters[0]?.admin.lag(`${topic}.delayed`, 'g')) === 5, { what: 'what was delayed' })
    } finally {
      for (const adapter of adapters) await adapter[Symbol.asyncDispose]()
    }
  })

  it('whose exchange somebody deleted keeps what waits in it', async () => {
    const name = `${exchange}.group.delay.64000`
    const first = new RabbitMQAdapter({ url, exchange })
    await first.connect(never)
    expect(await first.publish([delayed(64_000)], never)).toEqual([{ ok: true }])
    await first[Symbol.asyncDispose]()
    await channel.deleteExchange(name)
    await using adapter = new RabbitMQAdapter({ url, exchange })
    await adapter.connect(never)
    expect(await adapter.publish([delayed(64_000)], never)).toEqual([{ ok: true }])
    await waitFor(async () => (await channel.checkQueue(name)).messageCount === 2, { what: 'both in the queue' })
  })

  it('that another connection is making, and does not finish, is refused for now', async () => {
    const lock = `comm.making.${exchange}.group.delay.32000`
    const maker = await amqp.connect(url)
    await (await maker.createChannel()).assertQueue(lock, { exclusive: true, durable: false })
    await using adapter = new RabbitMQAdapter({ url, exchange })
    await adapter.connect(never)
    expect(await adapter.publish([delayed(32_000)], never)).toMatchObject([
      { ok: false, stored: 'no', error: { code: 'COMM_PUBLISH', retryable: true } },
    ])
    await maker.close()
    expect(await adapter.publish([delayed(32_000)], never)).toEqual([{ ok: true }])
  })
})
