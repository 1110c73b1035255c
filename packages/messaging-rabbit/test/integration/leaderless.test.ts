import type { Socket } from 'node:net'
import { constantBackoff, pause, systemClock, withinLimit } from '@comm/core'
import { RabbitMQAdapter, RabbitMQClient } from '@comm/messaging-rabbit'
import { handlerSpy, waitFor } from '@comm/testkit'
import { startRabbitMQ, type TestServer } from '@comm/testkit/servers'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import amqp, { type Channel } from 'amqplib'
import { delayName, groupExchange } from '../../src/names.ts'

const LIMIT_MS = 180_000
/** Within which a queue without a leader is known, and the connection that it blocks is left. */
const PASSED_MS = 10_000
let server: TestServer

beforeAll(async () => {
  server = await startRabbitMQ()
  // Makes the exchanges.
  await using adapter = new RabbitMQAdapter({ url: server.url })
  await adapter.connect(new AbortController().signal)
}, LIMIT_MS)
afterAll(() => server.close())

async function onChannel<Result>(use: (channel: Channel) => Promise<Result>): Promise<Result> {
  const connection = await amqp.connect(server.url)
  connection.on('error', () => undefined)
  try {
    return await use(await connection.createChannel())
  } finally {
    await connection.close().catch(() => undefined)
  }
}

/** RabbitMQ does not write the name of a quorum queue to disk at once: killed before, it starts the queue without a leader, for ever. */
async function makeLeaderless(queue: string, more: Readonly<Record<string, unknown>> = {}): Promise<void> {
  await onChannel(async (channel) => {
    await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum', ...more } })
    await server.kill()
  })
  await server.restart()
}

async function isConfirmed(queue: string): Promise<boolean> {
  const connection = await amqp.connect(server.url)
  connection.on('error', () => undefined)
  const channel = await connection.createConfirmChannel()
  const confirmed = new Promise<boolean>((resolve) => {
    channel.sendToQueue(queue, Buffer.from('?'), {}, (error) => resolve(error === null))
  })
  const result = (await withinLimit(systemClock, 2000, confirmed)) ?? false
  // RabbitMQ closes no channel that waits for a leader.
  ;(connection.connection as unknown as { readonly stream: Socket }).stream.destroy(new Error('enough'))
  return result
}

describe('a quorum queue without a leader', () => {
  it(
    'left half-made by a maker that died: a delay is made anew, and what is delayed passes through',
    async () => {
      const delayMs = 1000
      const delay = delayName(groupExchange('comm'), delayMs)
      await makeLeaderless(delay, {
        'x-message-ttl': delayMs,
        'x-dead-letter-exchange': groupExchange('comm'),
        'x-overflow': 'reject-publish',
        'x-dead-letter-strategy': 'at-least-once',
      })
      expect(await isConfirmed(delay)).toBe(false)
      await using client = new RabbitMQClient({ url: server.url, publishTimeoutMs: 60_000 })
      let calls = 0
      const spy = handlerSpy<[body: unknown], unknown>(() => {
        if (calls++ === 0) throw new Error('again, please')
      })
      await client.subscribe('half-made', spy, {
        group: 'g',
        retry: { backoff: constantBackoff({ baseMs: delayMs, jitter: 0 }) },
      })
      await client.publish('half-made', 1)
      await waitFor(() => calls === 2, { what: 'the retry', timeoutMs: 60_000 })
      expect(await isConfirmed(delay)).toBe(true)
    },
    LIMIT_MS,
  )

  it(
    'holds up what is published elsewhere until it is known, and nothing from then on',
    async () => {
      await makeLeaderless('stuck-queue')
      await onChannel(async (channel) => {
        await channel.bindQueue('stuck-queue', 'comm', 'stuck')
        await channel.assertQueue('fine-queue', { durable: true, arguments: { 'x-queue-type': 'quorum' } })
        await channel.bindQueue('fine-queue', 'comm', 'fine')
      })
      await using client = new RabbitMQClient({ url: server.url, publishTimeoutMs: 30_000 })
      await client.publish('fine', 0)
      const stuck: Promise<unknown>[] = []
      const slowest = { ever: 0, oncePassed: 0 }
      const startedAt = performance.now()
      const since = (): number => performance.now() - startedAt
      const publishFine = async (): Promise<void> => {
        while (since() < 20_000) {
          const at = since()
          await client.publish('fine', 1)
          slowest.ever = Math.max(slowest.ever, since() - at)
          if (at > PASSED_MS) slowest.oncePassed = Math.max(slowest.oncePassed, since() - at)
          await pause(systemClock, 10)
        }
      }
      const publishStuck = async (): Promise<void> => {
        while (since() < 20_000) {
          stuck.push(client.publish('stuck', 1).catch((error: Error) => error.message))
          await pause(systemClock, 20)
        }
      }
      await Promise.all([publishStuck(), ...Array.from({ length: 100 }, publishFine)])
      expect(slowest.ever).toBeLessThan(PASSED_MS)
      expect(slowest.oncePassed).toBeLessThan(2000)
      const messages = new Set(await Promise.all(stuck))
      expect([...messages]).toEqual([expect.stringMatching(/RabbitMQ confirms nothing for exchange comm, routing key stuck/)])
      // Its line is used again as soon as something is confirmed.
      await onChannel(async (channel) => {
        await channel.deleteQueue('stuck-queue')
        await channel.assertQueue('stuck-queue', { durable: true, arguments: { 'x-queue-type': 'quorum' } })
        await channel.bindQueue('stuck-queue', 'comm', 'stuck')
      })
      await Promise.all(Array.from({ length: 100 }, () => client.publish('stuck', 2)))
    },
    LIMIT_MS,
  )

  it(
    'is found among many that were published together, of which RabbitMQ confirms none either',
    async () => {
      await makeLeaderless('stuck-among-many')
      await onChannel(async (channel) => {
        await channel.bindQueue('stuck-among-many', 'comm', 'among-many')
        await channel.assertQueue('many-queue', { durable: true, arguments: { 'x-queue-type': 'quorum' } })
        await channel.bindQueue('many-queue', 'comm', 'many.*')
      })
      await using client = new RabbitMQClient({ url: server.url, publishTimeoutMs: 30_000 })
      await client.publish('many.0', 0)
      const topics = Array.from({ length: 200 }, (_, at) => `many.${at}`)
      const startedAt = performance.now()
      const before = topics.map((topic) => client.publish(topic, 1))
      const stuck = client.publish('among-many', 1).catch((error: Error) => error.message)
      await Promise.all([...before, ...topics.map((topic) => client.publish(topic, 2))])
      expect(performance.now() - startedAt).toBeLessThan(2 * PASSED_MS)
      expect(await stuck).toMatch(/RabbitMQ confirms nothing for exchange comm, routing key among-many/)
    },
    LIMIT_MS,
  )
})
