import { setTimeout as sleep } from 'node:timers/promises'
import { RedisCacheStore, RedisConnection } from '@comm/redis-stores'
import { cacheStoreContract, waitFor } from '@comm/testkit'
import { startRedis } from '@comm/testkit/servers'
import { afterAll, describe, expect, it } from '@jest/globals'

const server = await startRedis({ sources: ['local', 'debian12'] })
afterAll(() => server.close())
const { host, port } = server

cacheStoreContract({ describe, it }, 'Redis', () => {
  const store = new RedisCacheStore({ connection: { host, port }, timeoutMs: 25_000 })
  return { store, pass: (ms) => sleep(ms), dispose: () => store[Symbol.asyncDispose]() }
})

describe('RedisCacheStore', () => {
  it('leaves nothing behind when its entries are over', async () => {
    await using connection = new RedisConnection({ host, port })
    await connection.connect(AbortSignal.timeout(25_000))
    await using store = new RedisCacheStore({ connection, keyPrefix: 'swept' })
    for (let at = 0; at < 30; at += 1)
      await store.set(`short ${at}`, { body: Buffer.from('x'), metadata: '' }, { ttlMs: 40, tags: ['a'] })
    await waitFor(async () => (await store.get('short 29')) === undefined, { what: 'the last of them to be over' })
    await store.set('long', { body: Buffer.from('x'), metadata: '' }, { ttlMs: 4000, tags: ['a'] })
    await store.set('longer', { body: Buffer.from('x'), metadata: '' }, { ttlMs: 4000 })
    const link = connection.require('count')
    expect(await link.send('x', ['ZCARD', '{swept}:names'])).toBe(2)
    expect(await link.send('x', ['ZCARD', '{swept}:times'])).toBe(2)
    expect(await link.send('x', ['ZCARD', '{swept}:t:a'])).toBe(1)
    const keys = async () => (await link.send('x', ['KEYS', '{swept}*'])) as readonly string[]
    await waitFor(async () => (await keys()).length === 0, { what: 'nothing to be left' })
  })

  it('does not take another entry of that key for the one that Redis evicted', async () => {
    await using connection = new RedisConnection({ host, port })
    await connection.connect(AbortSignal.timeout(25_000))
    await using store = new RedisCacheStore({ connection, keyPrefix: 'evicted' })
    await store.set('key', { body: Buffer.from('1'), metadata: '' }, { ttlMs: 60_000, tags: ['a'] })
    await connection.require('evict').send('x', ['DEL', '{evicted}:e:key'])
    await store.set('key', { body: Buffer.from('2'), metadata: '' }, { ttlMs: 60_000 })
    expect(await store.invalidateTag('a')).toBe(0)
    expect((await store.get('key'))?.body.toString()).toBe('2')
  })
})
