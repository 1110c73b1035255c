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
