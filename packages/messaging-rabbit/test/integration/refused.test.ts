import { RabbitMQAdapter } from '@comm/messaging-rabbit'
import { sharedServer } from '@comm/testkit/servers'
import { describe, expect, it } from '@jest/globals'
import amqp from 'amqplib'

const { url } = await sharedServer('rabbitmq')
const topic = `refused.${process.pid}.${Date.now()}`
const never = new AbortController().signal
const request = { topics: [topic], group: 'g', maxUnsettled: 1, lanes: 'none' } as const

describe('a queue that differs in what matters', () => {
  it('is refused with what RabbitMQ says of it, and nothing consumes it later', async () => {
    const connection = await amqp.connect(url)
    const channel = await connection.createChannel()
    const queue = `${topic}@g`
    await channel.assertQueue(queue, { arguments: { 'x-queue-type': 'classic' } })
    await using adapter = new RabbitMQAdapter({ url })
    await adapter.connect(never)
    const subscribing = adapter.subscribe(request, () => undefined)
    await expect(subscribing).rejects.toMatchObject({
      code: 'COMM_CONFIGURATION',
      message: expect.stringMatching(
        /^cannot subscribe to refused\.\S+: RabbitMQ answered PRECONDITION_FAILED - inequivalent arg 'x-queue-type'/,
      ),
    })
    await channel.deleteQueue(queue)
    await channel.assertQueue(queue, { arguments: { 'x-queue-type': 'quorum' } })
    expect((await adapter.health()).status).toBe('up')
    expect((await channel.checkQueue(queue)).consumerCount).toBe(0)
    await connection.close()
  })

  it('is served where it only lacks the single active consumer, and health says so', async () => {
    await using adapter = new RabbitMQAdapter({ url })
    await adapter.connect(never)
    const group = { ...request, group: 'young' }
    const subscription = await adapter.subscribe(group, () => undefined)
    await subscription[Symbol.asyncDispose]()
    await adapter.subscribe({ ...group, ordered: true }, () => undefined)
    expect(await adapter.health()).toEqual({
      status: 'degraded',
      reason: `queue ${topic}@young was made without a single active consumer: order is kept only while one member consumes. Delete the queue to have it made anew`,
    })
  })
})
