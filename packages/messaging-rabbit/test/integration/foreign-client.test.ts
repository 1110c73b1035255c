import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { bytesCodec, type Delivery, type MessageMeta } from '@comm/messaging'
import { RabbitMQAdapter, RabbitMQClient } from '@comm/messaging-rabbit'
import { handlerSpy } from '@comm/testkit'
import { findTool, sharedServer } from '@comm/testkit/servers'
import { afterAll, describe, expect, it } from '@jest/globals'
import amqp from 'amqplib'

const INSTALL_MS = 120_000
const execute = promisify(execFile)
const { url } = await sharedServer('rabbitmq')
const unique = `foreign.${process.pid}.${Date.now()}`
const client = new RabbitMQClient({ url })
afterAll(() => client.close())

describe('amqp-tools', () => {
  it(
    'amqp-publish writes what we consume',
    async () => {
      const topic = `${unique}.in`
      const spy = handlerSpy<[body: unknown, meta: MessageMeta]>()
      await client.subscribe(topic, spy, { group: 'g' })
      const header = ['--header', 'tenant: acme', '--content-type', 'application/json']
      await execute(await findTool('amqp-publish', 'amqp-tools'), [
        '--url',
        url,
        '--exchange',
        'comm',
        '--routing-key',
        topic,
        '--body',
        '{"id":7}',
        ...header,
      ])
      await spy.called(1)
      const [body, meta] = spy.calls[0] as [unknown, MessageMeta]
      expect(body).toEqual({ id: 7 })
      expect(meta.headers).toMatchObject({ tenant: 'acme', 'content-type': 'application/json' })
      expect(meta.id).toMatch(/^[\w-]{22}$/)
    },
    INSTALL_MS,
  )

  it(
    'amqp-get reads what we publish',
    async () => {
      const topic = `${unique}.out`
      const subscription = await client.subscribe(topic, () => undefined, { group: 'g' })
      await subscription.stop()
      await client.publish(topic, { id: 8 })
      const { stdout } = await execute(await findTool('amqp-get', 'amqp-tools'), ['--url', url, '--queue', `${topic}@g`])
      expect(JSON.parse(stdout)).toEqual({ id: 8 })
    },
    INSTALL_MS,
  )
})

describe('amqplib', () => {
  it('headers of any type, and properties, arrive as text', async () => {
    const topic = `${unique}.types`
    await using adapter = new RabbitMQAdapter({ url })
    await adapter.connect(new AbortController().signal)
    const arrived = Promise.withResolvers<Delivery>()
    await adapter.subscribe({ topics: [topic], group: 'g', maxUnsettled: 1, lanes: 'none' }, arrived.resolve)
    const connection = await amqp.connect(url)
    const channel = await connection.createConfirmChannel()
    const headers = {
      number: 42,
      fraction: 0.5,
      yes: true,
      nothing: null,
      bytes: Buffer.from([1, 2]),
      table: { a: 1 },
      list: ['a', 2],
      at: { '!': 'timestamp', value: 1_700_000_000 },
    }
    channel.publish('comm', topic, Buffer.from('body'), {
      headers,
      correlationId: 'c-1',
      replyTo: 'answers',
      messageId: 'm-1',
      timestamp: 1_700_000_001,
    })
    await channel.waitForConfirms()
    const delivery = await arrived.promise
    expect(delivery).toMatchObject({ id: 'm-1', key: undefined, timestamp: 1_700_000_001_000, redeliveries: 0 })
    expect(delivery.headers).toEqual({
      number: '42',
      fraction: '0.5',
      yes: 'true',
      bytes: Buffer.from([1, 2]),
      table: '{"a":1}',
      list: '["a",2]',
      at: '1700000000',
      'amqp-correlation-id': 'c-1',
      'amqp-reply-to': 'answers',
    })
    await connection.close()
  })

  it('sees the content type as AMQP has it, the id, and our headers as plain text', async () => {
    const topic = `${unique}.plain`
    const connection = await amqp.connect(url)
    const channel = await connection.createChannel()
    const { queue } = await channel.assertQueue('', { exclusive: true })
    await channel.bindQueue(queue, 'comm', topic)
    await client.publish(topic, { id: 9 }, { key: 'k', headers: { tenant: 'acme' } })
    const message = await channel.get(queue)
    if (message === false) throw new Error('nothing there')
    expect(JSON.parse(message.content.toString())).toEqual({ id: 9 })
    expect(message.properties).toMatchObject({
      contentType: 'application/json',
      deliveryMode: 2,
      messageId: expect.stringMatching(/^[\w-]{12}\.\w+$/),
    })
    expect(message.properties.headers).toMatchObject({ tenant: 'acme', ce_specversion: '1.0', ce_type: topic, 'comm-key': 'k' })
    await connection.close()
  })

  it('may be routed here from an exchange of its own, declared as code', async () => {
    const exchange = `${unique}.legacy`
    const topic = `${unique}.routed`
    await using bridged = new RabbitMQClient({
      url,
      topology: {
        exchanges: [{ name: exchange, type: 'direct' }],
        queues: [{ name: `${exchange}.dead`, type: 'classic', maxLength: 10, messageTtlMs: 60_000, maxPriority: 3 }],
        bindings: [
          { source: exchange, exchange: 'comm', routingKey: topic },
          { source: exchange, queue: `${exchange}.dead`, routingKey: 'dead' },
        ],
      },
    })
    const spy = handlerSpy<[body: unknown, meta: MessageMeta]>()
    await bridged.subscribe(topic, spy, { group: 'g', contentType: bytesCodec.contentType })
    const connection = await amqp.connect(url)
    const channel = await connection.createConfirmChannel()
    channel.publish(exchange, topic, Buffer.from([0, 1, 2]))
    channel.publish(exchange, 'dead', Buffer.from('x'))
    await channel.waitForConfirms()
    await spy.called(1)
    expect(spy.messages[0]).toEqual(new Uint8Array([0, 1, 2]))
    expect((await channel.checkQueue(`${exchange}.dead`)).messageCount).toBe(1)
    await connection.close()
  })
})
