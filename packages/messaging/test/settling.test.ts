import { constantBackoff, MemoryDedupStore, PublishError, silentLogger } from '@comm/core'
import {
  MemoryBroker,
  MemoryServer,
  MessageClient,
  type OutboundRecord,
  type PublishResult,
  type SubscribeOptions,
} from '@comm/messaging'
import { handlerSpy, TestClock, waitFor } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'
import { Between, type BetweenOptions } from './support/between.ts'

const refusal = (): PublishResult => ({
  ok: false,
  stored: 'no',
  error: new PublishError('the topic is gone', { code: 'COMM_UNROUTABLE' }),
})
const isDead = ({ topic }: OutboundRecord): boolean => topic.endsWith('.dead')
const isRetry = ({ group }: OutboundRecord): boolean => group === 'billing'

async function setUp(between: BetweenOptions, subscribe: SubscribeOptions = {}) {
  const clock = new TestClock()
  const server = new MemoryServer({ clock })
  const adapter = new Between(server, between)
  const client = new MessageClient(adapter, { clock, random: () => 0 })
  const spy = handlerSpy<[body: unknown]>()
  const retry = { maxAttempts: 2, backoff: constantBackoff({ baseMs: 10_000, jitter: 0 }) }
  await client.subscribe('order.created', spy, { group: 'billing', retry, ...subscribe })
  const publish = async (): Promise<void> => {
    await client.publish('order.created', { id: 7 }, { headers: { small: 's', large: 'l'.repeat(500) } })
    await clock.advance(0)
  }
  return { clock, server, adapter, client, spy, publish, letters: client.deadLetters('order.created', 'billing') }
}

describe('a dead letter that the broker refuses', () => {
  it('goes back after a while, with health red until it is taken', async () => {
    let refuses = true
    const { clock, client, spy, publish, letters } = await setUp(
      { refuse: (record) => (refuses && isDead(record) ? refusal() : undefined) },
      { retry: { maxAttempts: 1 } },
    )
    spy.usually(() => {
      throw new Error('broken')
    })
    await publish()
    expect(await client.health()).toMatchObject({
      status: 'down',
      reason: 'a dead letter of order.created cannot be published: the topic is gone',
    })
    expect(client.stats).toMatchObject({ inFlight: 1, dead: 0 })
    refuses = false
    await clock.advance(1000)
    expect(await client.health()).toMatchObject({ status: 'up' })
    expect(await letters.count()).toBe(1)
    expect(spy.calls.length).toBe(2)
    await client.close()
    expect(clock.pendingTimers).toBe(0)
  })

  it('is tried again with small headers only', async () => {
    const tooLarge = (record: OutboundRecord): boolean => isDead(record) && 'large' in record.headers
    const { publish, letters, spy } = await setUp(
      { refuse: (record) => (tooLarge(record) ? refusal() : undefined) },
      { retry: { maxAttempts: 1 } },
    )
    spy.fails(1, new Error('x'.repeat(5000)))
    await publish()
    const [letter] = await letters.list()
    expect(letter?.headers).toMatchObject({ small: 's', 'comm-dead-truncated': 'true', 'comm-dead-reason': 'attempts' })
    expect(letter?.headers).not.toHaveProperty('large')
    expect(letter?.message?.length).toBe(200)
    expect(letter?.body).toEqual({ id: 7 })
  })

  it('is cut to its beginning when a foreign client published more than the broker takes from us, and is not replayed', async () => {
    const { clock, server, spy, client, letters } = await setUp({ features: { maxBodyBytes: 100_000 } })
    const foreign = new MemoryBroker({ server, clock })
    spy.usually(() => {
      throw new Error('broken')
    })
    await foreign.publish('order.created', 'x'.repeat(150_000))
    await clock.advance(60_000)
    expect(spy.calls.length).toBe(1)
    expect(client.stats).toMatchObject({ inFlight: 0, dead: 1 })
    const [letter] = await letters.list()
    expect(letter?.bytes.byteLength).toBe(65_536)
    expect(letter?.headers).toMatchObject({ 'comm-dead-truncated': 'body', 'comm-dead-message': 'broken' })
    const report = await letters.replay()
    expect([report.replayed.length, report.refused.length]).toEqual([0, 1])
    await Promise.all([client.close(), foreign.close()])
  })

  it('is given back at once when the client stops', async () => {
    const { clock, client, publish, spy, server } = await setUp(
      { refuse: (record) => (isDead(record) ? refusal() : undefined) },
      { retry: { maxAttempts: 1 } },
    )
    spy.fails(1)
    await publish()
    await client.close()
    expect(clock.pendingTimers).toBe(0)
    const next = new MessageClient(new Between(server), { clock })
    const other = handlerSpy<[body: unknown]>()
    await next.subscribe('order.created', other, { group: 'billing' })
    await clock.advance(0)
    expect(other.messages).toEqual([{ id: 7 }])
  })
})

describe('a retry that the broker refuses', () => {
  it('goes back after a while as the same attempt, with health degraded until it is taken', async () => {
    let refuses = true
    const attempts: number[] = []
    const { clock, client, publish } = await setUp({ refuse: (record) => (refuses && isRetry(record) ? refusal() : undefined) })
    await client.subscribe(
      'order.shipped',
      (_, { attempt }) => {
        attempts.push(attempt)
        throw new Error('broken')
      },
      { group: 'billing' },
    )
    await publish()
    await client.publish('order.shipped', 1)
    await clock.advance(0)
    expect(await client.health()).toMatchObject({ status: 'degraded' })
    await clock.advance(1000)
    expect(attempts).toEqual([1, 1])
    refuses = false
    await clock.advance(2000)
    expect(await client.health()).toMatchObject({ status: 'up' })
    await clock.advance(2000)
    expect(attempts).toEqual([1, 1, 1, 2])
  })

  it('troubles health no longer once the message is handled without it', async () => {
    const { clock, client, publish } = await setUp({ refuse: (record) => (isRetry(record) ? refusal() : undefined) })
    const handler = handlerSpy().fails(1)
    await client.subscribe('order.shipped', handler, { group: 'billing' })
    await publish()
    await client.publish('order.shipped', 1)
    await clock.advance(0)
    expect(await client.health()).toMatchObject({ status: 'degraded' })
    await clock.advance(1000)
    expect(handler.calls).toHaveLength(2)
    expect(await client.health()).toMatchObject({ status: 'up' })
  })
})

describe('a lost connection', () => {
  it('aborts the signal of the handler; the message comes again as the same attempt and no retry is published', async () => {
    const clock = new TestClock()
    const server = new MemoryServer({ clock })
    const adapter = new Between(server)
    const client = new MessageClient(adapter, { clock })
    const seen: unknown[] = []
    await client.subscribe(
      'order.created',
      async (_, meta) => {
        seen.push([meta.attempt, meta.redelivered])
        if (meta.redelivered) return
        await new Promise((resolve) => meta.signal.addEventListener('abort', resolve))
        throw new Error('interrupted')
      },
      { group: 'billing' },
    )
    await client.publish('order.created', 1)
    await clock.advance(0)
    server.dropConnections()
    await clock.advance(0)
    expect(seen).toEqual([
      [1, false],
      [1, true],
    ])
    expect(adapter.published.length).toBe(1)
    expect(client.stats).toMatchObject({ handled: 1, released: 1, retried: 0 })
    await client.close()
  })
})

describe('a message that comes early', () => {
  it('is delayed again, which is not an attempt', async () => {
    const attempts: number[] = []
    const clock = new TestClock()
    const adapter = new Between(new MemoryServer({ clock }), {
      // A broker whose longest delay is four seconds.
      change: (record) =>
        record.notBefore === undefined ? record : { ...record, notBefore: Math.min(record.notBefore, clock.wall() + 4000) },
    })
    const client = new MessageClient(adapter, { clock })
    await client.subscribe('order.created', (_, { attempt }) => void attempts.push(attempt), { group: 'billing' })
    await client.publish('order.created', 1, { delayMs: 10_000 })
    await clock.advance(9999)
    expect(attempts).toEqual([])
    await clock.advance(1)
    expect(attempts).toEqual([1])
    expect(adapter.published.length).toBe(3)
  })

  it('by a moment is waited for', async () => {
    const clock = new TestClock()
    const adapter = new Between(new MemoryServer({ clock }), {
      change: ({ notBefore, ...record }) => (notBefore === undefined ? record : { ...record, notBefore: notBefore - 200 }),
    })
    const client = new MessageClient(adapter, { clock })
    const spy = handlerSpy<[body: unknown]>()
    await client.subscribe('order.created', spy, { group: 'billing' })
    await client.publish('order.created', 1, { delayMs: 1000 })
    await clock.advance(999)
    expect(spy.calls.length).toBe(0)
    await clock.advance(1)
    expect(spy.calls.length).toBe(1)
    expect(adapter.published.length).toBe(1)
  })
})

describe('a message whose time is over', () => {
  it('is dropped and counted, also where the broker knows no expiry', async () => {
    const { client, spy, letters, clock } = await setUp({ change: ({ expiresAt: _, ...record }) => record })
    await client.publish('order.created', 'stale', { expiresAt: clock.wall() })
    await client.publish('order.created', 'fresh', { expiresAt: clock.wall() + 1 })
    await clock.advance(0)
    expect(spy.messages).toEqual(['fresh'])
    expect(client.stats).toMatchObject({ expired: 1, handled: 1 })
    expect(await letters.count()).toBe(0)
  })
})

describe('a lease that ended while the handler ran', () => {
  it('is said, and the message is settled all the same', async () => {
    const store = new MemoryDedupStore()
    const warnings: string[] = []
    const logger = { ...silentLogger, warn: (message: string) => void warnings.push(message) }
    await using client = new MemoryBroker({ logger })
    const spy = handlerSpy<[body: unknown]>(async () => {
      const claim = await store.claim('the key', 1)
      if (claim.state !== 'busy') throw new Error('the key should be held')
      // Somebody else takes the key over, as after a long pause of this process.
      Object.assign(store, { commit: async () => false })
    })
    await client.subscribe('a', spy, { group: 'g', dedup: { store, key: () => 'the key' } })
    await client.publish('a', 1, { id: 'message-1' })
    await waitFor(() => client.stats.handled === 1)
    expect(warnings).toEqual([
      'message message-1 of a was handled after its lease had expired; another consumer may handle it too',
    ])
  })
})

describe('a function of the user that throws', () => {
  const broken = (): never => {
    throw new TypeError('broken function')
  }
  const retry = { backoff: { description: 'broken', delayMs: broken } }
  const dedup = { store: new MemoryDedupStore(), key: broken }
  it.each<[string, SubscribeOptions]>([
    ['the backoff', { retry }],
    ['the deduplication key', { dedup }],
  ])('%s: the message is dead, and the consumer goes on', async (_, options) => {
    const { publish, letters, spy, client } = await setUp({}, options)
    spy.fails(1)
    await publish()
    expect(await letters.list()).toMatchObject([{ reason: 'error', message: 'broken function' }])
    expect(client.stats.inFlight).toBe(0)
  })
})

describe('a subscription that keeps no dead letters', () => {
  it('drops and counts what it cannot handle', async () => {
    const { client, publish, letters, spy } = await setUp({}, { deadLetter: false, retry: { maxAttempts: 1 } })
    spy.fails(1)
    await publish()
    expect(client.stats).toMatchObject({ dropped: 1, dead: 0 })
    expect(await letters.count()).toBe(0)
  })
})

describe('retries', () => {
  it('wait as long as the failed callee asked for, if that is longer', async () => {
    const { clock, publish, spy } = await setUp({})
    spy.fails(1, new PublishError('slow down', { details: { retryAfterMs: 30_000 } }))
    await publish()
    await clock.advance(29_999)
    expect(spy.calls.length).toBe(1)
    await clock.advance(1)
    expect(spy.calls.length).toBe(2)
  })

  it('follow retryIf; one that throws counts as yes', async () => {
    const asked: string[] = []
    const answers = [() => true, () => false]
    const retryIf = (error: Error): boolean => {
      asked.push(error.message)
      const answer = answers.shift()
      if (answer === undefined) throw new Error('broken predicate')
      return answer()
    }
    const backoff = constantBackoff({ baseMs: 10, jitter: 0 })
    const { clock, publish, spy, letters, client } = await setUp({}, { retry: { backoff, maxAttempts: 2, retryIf } })
    spy.fails(3, new Error('broken'))
    await publish()
    await clock.advance(10)
    expect(asked).toEqual(['broken', 'broken'])
    expect(await letters.list()).toMatchObject([{ reason: 'error', attempts: 2 }])
    await publish()
    await clock.advance(10)
    expect(client.stats).toMatchObject({ handled: 1, dead: 1 })
  })
})
