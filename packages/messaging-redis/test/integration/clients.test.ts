import assert from 'node:assert/strict'
import { constantBackoff } from '@comm/core'
import { RedisPubSubClient, RedisStreamsClient } from '@comm/messaging-redis'
import { RedisDedupStore } from '@comm/redis-stores'
import { handlerSpy, waitFor } from '@comm/testkit'
import { afterAll, describe, expect, it } from '@jest/globals'
import { PlainClient } from '../support/plain-client.ts'
import { RedisUnderTest } from '../support/redis-under-test.ts'

const redis = await RedisUnderTest.start()
const plain = await PlainClient.connect(redis.options)
const command = plain.command.bind(plain)
afterAll(async () => {
  await plain[Symbol.asyncDispose]()
  await redis.close()
})

describe('RedisStreamsClient', () => {
  it('reads what a plain client adds, with or without a field named body', async () => {
    await using client = new RedisStreamsClient({ ...redis.options, group: 'billing' })
    const spy = handlerSpy<[body: unknown, meta: { headers: unknown }]>()
    await client.subscribe('foreign.in', spy)
    await command('XADD', 'foreign.in', '*', 'body', '{"id":7}', 'tenant', 'acme')
    await command('XADD', 'foreign.in', '*', 'id', '8', 'name', 'eight')
    await spy.called(2)
    expect(spy.messages).toEqual([{ id: 7 }, { id: '8', name: 'eight' }])
    expect(spy.calls[0]?.[1].headers).toMatchObject({ tenant: 'acme' })
  })

  it('writes what a plain client reads: body, headers as JSON, key', async () => {
    await using client = new RedisStreamsClient(redis.options)
    await client.publish('foreign.out', { id: 7 }, { key: 'k', unroutable: 'ignore', headers: { tenant: 'acme' } })
    const [[, fields]] = (await command('XRANGE', 'foreign.out', '-', '+')) as [[string, string[]]]
    const entry = Object.fromEntries(Array.from({ length: fields.length / 2 }, (_, at) => [fields[at * 2], fields[at * 2 + 1]]))
    expect(entry).toMatchObject({ body: '{"id":7}', key: 'k' })
    expect(JSON.parse(String(entry['headers']))).toMatchObject({
      ce_type: 'foreign.out',
      tenant: 'acme',
      'content-type': 'application/json',
    })
  })

  it('loses no acknowledgement when it stops while messages flow', async () => {
    const total = 2000
    await using client = new RedisStreamsClient({ ...redis.options, group: 'stopping', prefetchCount: 20 })
    const handled = new Set<number>()
    const stopped = Promise.withResolvers<void>()
    const subscription = await client.subscribe<{ id: number }>('stopping', ({ id }) => {
      handled.add(id)
      if (handled.size === total / 2) stopped.resolve(subscription.stop())
    })
    await client.publishMany(
      'stopping',
      Array.from({ length: total }, (_, id) => ({ id })),
    )
    await stopped.promise
    const before = handled.size
    expect(before).toBeLessThan(total)
    const again: number[] = []
    await client.subscribe<{ id: number }>('stopping', ({ id }) => void again.push(id))
    await waitFor(() => new Set([...handled, ...again]).size === total, { what: 'the rest' })
    expect(again).toHaveLength(total - before)
  })

  it('keeps delayed retries over a kill -9 of the server, and loses none', async () => {
    const options = { ...redis.options, group: 'retrying', claimIdleMs: 1000 }
    await using client = new RedisStreamsClient(options)
    const failed = new Set<number>()
    const handled = new Set<number>()
    const retry = { backoff: constantBackoff({ baseMs: 1500, jitter: 0 }), maxAttempts: 20 }
    await client.subscribe<{ id: number }>(
      'retries.killed',
      ({ id }) => {
        if (!failed.has(id)) {
          failed.add(id)
          throw new Error('not yet')
        }
        handled.add(id)
      },
      { concurrency: 100, retry },
    )
    await client.publishMany(
      'retries.killed',
      Array.from({ length: 500 }, (_, id) => ({ id })),
    )
    await waitFor(() => failed.size === 500, { what: 'every first attempt' })
    await redis.server.kill()
    await redis.server.restart()
    await waitFor(() => handled.size === 500, { what: 'every retry' })
  })

  it('goes on after a server that stands still was given up', async () => {
    await using client = new RedisStreamsClient({ ...redis.options, group: 'stopped', heartbeatMs: 200 })
    const spy = handlerSpy<[body: unknown]>()
    await client.subscribe('stopped', spy)
    await client.publish('stopped', 'before')
    await redis.server.stop()
    await waitFor(async () => (await client.health()).status === 'down', { what: 'health to be down', timeoutMs: 5000 })
    const late = client.publish('stopped', 'during')
    await redis.server.continue()
    await late
    await waitFor(() => spy.messages.includes('during'), { what: 'the message' })
    await waitFor(async () => (await client.health()).status === 'up', { what: 'health to be up' })
  })

  it('stops a subscription in its time though the server stands still', async () => {
    await using client = new RedisStreamsClient({ ...redis.options, group: 'stopping' })
    const subscription = await client.subscribe('stopping', () => undefined)
    await redis.server.stop()
    try {
      const startedAt = performance.now()
      await subscription.stop(500)
      expect(performance.now() - startedAt).toBeLessThan(5000)
    } finally {
      await redis.server.continue()
    }
  })

  it('trims what every group has acknowledged, and nothing that one has not', async () => {
    await using client = new RedisStreamsClient({ ...redis.options, retainedRecords: 100 })
    const bodies = Array.from({ length: 3000 }, (_, id) => ({ id }))
    const slow = await client.subscribe('trimmed', () => undefined, { group: 'slow' })
    await slow.stop()
    let count = 0
    await client.subscribe('trimmed', () => void count++, { group: 'fast', concurrency: 100 })
    await client.publishMany('trimmed', bodies)
    await waitFor(() => count === 3000, { what: 'the fast group' })
    assert.equal(await command('XLEN', 'trimmed'), 3000)
    let behind = 0
    await client.subscribe('trimmed', () => void behind++, { group: 'slow', concurrency: 100 })
    await waitFor(() => behind === 3000, { what: 'the slow group' })
    await waitFor(async () => Number(await command('XLEN', 'trimmed')) <= 1300, { what: 'the stream to be trimmed' })
  })

  it('takes over what a consumer held that died without a word', async () => {
    const group = 'orphans'
    await command('XGROUP', 'CREATE', 'orphaned', group, '$', 'MKSTREAM')
    await command('XADD', 'orphaned', '*', 'body', '1')
    await command('XREADGROUP', 'GROUP', group, 'dead', 'STREAMS', 'orphaned', '>')
    await using client = new RedisStreamsClient({ ...redis.options, group, claimIdleMs: 300 })
    const spy = handlerSpy<[body: unknown]>()
    await client.subscribe('orphaned', spy)
    await spy.called(1)
    expect(spy.messages).toEqual([1])
  })

  it('takes over no more at once than it has room for', async () => {
    const group = 'capped'
    await command('XGROUP', 'CREATE', 'capped', group, '$', 'MKSTREAM')
    for (let id = 0; id < 40; id++) await command('XADD', 'capped', '*', 'body', String(id))
    await command('XREADGROUP', 'GROUP', group, 'dead', 'COUNT', '40', 'STREAMS', 'capped', '>')
    await using client = new RedisStreamsClient({ ...redis.options, group, claimIdleMs: 300, prefetchCount: 10 })
    const goOn = Promise.withResolvers<void>()
    const spy = handlerSpy<[body: unknown]>(() => goOn.promise)
    await client.subscribe('capped', spy, { concurrency: 1 })
    await spy.called(1)
    const held = async (): Promise<number> =>
      Number(((await command('XPENDING', 'capped', group, '-', '+', '40', 'dead')) as []).length)
    const until = performance.now() + 1500
    await waitFor(() => performance.now() > until, { what: 'more looks for stuck entries' })
    expect(await held()).toBeGreaterThanOrEqual(40 - 11)
    goOn.resolve()
    await spy.called(40)
    assert.equal(await held(), 0)
  })

  it('speaks RESP3 on every connection', async () => {
    await using client = new RedisStreamsClient({ ...redis.options, clientId: 'resp-three' })
    await client.subscribe('resp3', () => undefined)
    const ours = String(await command('CLIENT', 'LIST'))
      .split('\n')
      .filter((line) => line.includes('name=resp-three '))
    expect(ours.map((line) => / resp=(\d)/.exec(line)?.[1])).toEqual(['3', '3'])
  })

  it('lets a handler take longer than claimIdleMs without another consumer getting its message', async () => {
    const options = { ...redis.options, group: 'long', claimIdleMs: 1500 }
    await using one = new RedisStreamsClient(options)
    await using other = new RedisStreamsClient(options)
    let calls = 0
    const done = Promise.withResolvers<void>()
    const handler = async (): Promise<void> => {
      calls++
      await done.promise
    }
    await one.subscribe('long', handler)
    await other.subscribe('long', handler)
    await one.publish('long', 'x')
    const until = performance.now() + 4500
    await waitFor(() => performance.now() > until, { what: 'three times claimIdleMs' })
    done.resolve()
    assert.equal(calls, 1)
  })

  it('handles a redelivered message once with claims in Redis', async () => {
    await using store = new RedisDedupStore({ connection: redis.options })
    await using client = new RedisStreamsClient({ ...redis.options, group: 'once' })
    const spy = handlerSpy<[body: unknown]>()
    await client.subscribe('once', spy, { dedup: { store } })
    await client.publish('once', 'a', { id: 'same' })
    await client.publish('once', 'b', { id: 'same' })
    await client.publish('once', 'c', { id: 'other' })
    await waitFor(() => spy.messages.includes('c'), { what: 'the last message' })
    expect(spy.messages).toEqual(['a', 'c'])
  })

  it('buries what cannot be handled where its group finds it', async () => {
    await using client = new RedisStreamsClient({ ...redis.options, group: 'burying' })
    await client.subscribe(
      'doomed',
      () => {
        throw new Error('never')
      },
      { retry: { maxAttempts: 1 } },
    )
    await client.publish('doomed', { id: 1 })
    const letters = client.deadLetters('doomed')
    await waitFor(async () => (await letters.count()) === 1, { what: 'a dead letter' })
    expect((await letters.list())[0]).toMatchObject({ body: { id: 1 }, group: 'burying', attempts: 1 })
  })
})

describe('RedisPubSubClient', () => {
  it('gives every listener a copy, by topic and by pattern, as CloudEvents JSON', async () => {
    await using client = new RedisPubSubClient(redis.options)
    const [exact, wild] = [handlerSpy<[body: unknown]>(), handlerSpy<[body: unknown]>()]
    await client.subscribe('news.sport', exact)
    await client.subscribe('news.*', wild)
    await client.publish('news.sport', { id: 1 })
    await client.publish('news.world', 'hello')
    await Promise.all([exact.called(1), wild.called(2)])
    expect([exact.messages, wild.messages]).toEqual([[{ id: 1 }], [{ id: 1 }, 'hello']])
  })

  it('tells a publisher that nobody listens', async () => {
    await using client = new RedisPubSubClient(redis.options)
    await expect(client.publish('nobody.listens', 1)).rejects.toMatchObject({ code: 'COMM_UNROUTABLE' })
    await client.publish('nobody.listens', 1, { unroutable: 'ignore' })
  })

  it('reads what a plain client publishes', async () => {
    await using client = new RedisPubSubClient(redis.options)
    const spy = handlerSpy<[body: unknown]>()
    await client.subscribe('plain', spy)
    assert.equal(await command('PUBLISH', 'plain', '{"id":7}'), 1)
    await spy.called(1)
    expect(spy.messages).toEqual([{ id: 7 }])
  })

  it('listens again after the server was killed', async () => {
    await using client = new RedisPubSubClient(redis.options)
    const spy = handlerSpy<[body: unknown]>()
    await client.subscribe('again', spy)
    await redis.server.kill()
    await redis.server.restart()
    // Whoever is faster: until the listener is back, nobody takes it.
    await waitFor(async () => (await client.publish('again', 'back')) === undefined, { what: 'the listener' })
    await spy.called(1)
  })

  it('works over sharded channels', async () => {
    await using client = new RedisPubSubClient({ ...redis.options, sharded: true })
    const spy = handlerSpy<[body: unknown]>()
    await client.subscribe('sharded', spy)
    await client.publishMany('sharded', [1, 2, 3])
    await spy.called(3)
    await expect(client.subscribe('sharded.*', spy)).rejects.toMatchObject({ code: 'COMM_UNSUPPORTED' })
  })
})
