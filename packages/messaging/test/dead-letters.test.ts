import { PublishError } from '@comm/core'
import { deadLetter, MemoryBroker, MemoryBrokerAdapter, MemoryServer, MessageClient, type OutboundRecord } from '@comm/messaging'
import { waitFor } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'
import { Between } from './support/between.ts'

async function withLetters(client: MessageClient, count = 3) {
  await client.subscribe('order.created', (body) => deadLetter(`order ${String(body)} is unknown`), {
    group: 'billing',
    concurrency: 1,
  })
  for (let body = 0; body < count; body++) await client.publish('order.created', body, { id: `message-${body}` })
  const letters = client.deadLetters('order.created', 'billing')
  await waitFor(async () => (await letters.count()) === count)
  return letters
}

describe('dead letters', () => {
  it('are listed oldest first, filtered, and found by their own id or that of their message', async () => {
    await using client = new MemoryBroker()
    const letters = await withLetters(client)
    const all = await letters.list()
    expect(all.map(({ message }) => message)).toEqual(['order 0 is unknown', 'order 1 is unknown', 'order 2 is unknown'])
    expect((await letters.list({ limit: 2 })).length).toBe(2)
    expect((await letters.list({ where: ({ body }) => body === 2 })).map(({ messageId }) => messageId)).toEqual(['message-2'])
    expect((await letters.find('message-1'))?.body).toBe(1)
    expect((await letters.find(all[2]?.id ?? ''))?.body).toBe(2)
    expect(await letters.find('message-9')).toBeUndefined()
  })

  it('stay where they are when they cannot be replayed', async () => {
    const isReplay = ({ headers }: OutboundRecord): boolean => 'comm-replays' in headers
    const error = new PublishError('queue overflow', { retryable: false })
    const adapter = new Between(new MemoryServer(), {
      refuse: (record) =>
        isReplay(record) && record.headers['ce_id'] === 'message-1' ? { ok: false, stored: 'no', error } : undefined,
    })
    await using client = new MessageClient(adapter)
    const letters = await withLetters(client)
    const report = await letters.replay()
    expect(report.replayed.map(({ messageId }) => messageId)).toEqual(['message-0', 'message-2'])
    expect(report.failed.map(({ letter, error: reason }) => [letter.messageId, reason])).toEqual([['message-1', error]])
    expect(report.removed).toBe(2)
    expect((await letters.find('message-1'))?.replays).toBe(0)
  })

  it('can be looked at by a client that has not connected yet', async () => {
    const server = new MemoryServer()
    await using client = new MemoryBroker({ server })
    await withLetters(client, 1)
    await using other = new MemoryBroker({ server, group: 'billing' })
    expect(await other.deadLetters('order.created').count()).toBe(1)
  })

  it('may be bytes that nobody can read', async () => {
    await using client = new MemoryBroker()
    await client.subscribe('a', () => undefined, { group: 'g' })
    const adapter = new MemoryBrokerAdapter({ server: client.server })
    await adapter.connect(new AbortController().signal)
    const structured = { topic: 'a', body: new Uint8Array([1, 2]), headers: { 'content-type': 'application/cloudevents+json' } }
    await adapter.publish([structured], new AbortController().signal)
    const letters = client.deadLetters('a', 'g')
    await waitFor(async () => (await letters.count()) === 1)
    const [letter] = await letters.list()
    expect(letter).toMatchObject({
      reason: 'undecodable',
      message: 'a message of a is not a CloudEvent in JSON, as its content type says',
      body: undefined,
    })
    expect([...(letter?.bytes ?? [])]).toEqual([1, 2])
    await adapter[Symbol.asyncDispose]()
  })

  it('cannot be looked at where the broker keeps nothing', async () => {
    const adapter = Object.assign(new Between(new MemoryServer()), { admin: undefined })
    await using client = new MessageClient(adapter as never)
    await expect(client.deadLetters('a', 'g').count()).rejects.toMatchObject({
      code: 'COMM_UNSUPPORTED',
      message: 'dead letters of a cannot be looked at: memory keeps none',
    })
  })
})
