import assert from 'node:assert/strict'
import { type DedupStore, MemoryDedupStore } from '@comm/core'
import type { PipelineCase } from '../case.ts'
import type { PipelineContext } from '../context.ts'

export const deduplication: readonly PipelineCase[] = [
  {
    id: 'dedup.once',
    title: 'a message published twice under one id is handled once, by each group',
    needs: ['groups'],
    run: async (context) => {
      const client = await context.client()
      const topic = await context.topic()
      const store = new MemoryDedupStore()
      const [one, other] = [context.spy(), context.spy()]
      await client.subscribe(topic, one, { group: context.group(), dedup: { store } })
      await client.subscribe(topic, other, { group: context.group(), dedup: { store } })
      await client.publish(topic, 'same', { id: 'message-1' })
      await context.waitFor('both groups to handle it', () => client.stats.handled === 2)
      for (let time = 0; time < 2; time++) await client.publish(topic, 'same', { id: 'message-1' })
      await client.publish(topic, 'another')
      await context.waitFor('all deliveries', () => client.stats.handled + client.stats.deduplicated === 8)
      assert.deepEqual([...one.messages].sort(), ['another', 'same'])
      assert.deepEqual([...other.messages].sort(), ['another', 'same'])
      assert.equal(client.stats.deduplicated, 4)
    },
  },
  {
    id: 'dedup.release',
    title: 'a failed attempt gives its claim back, so the retry is handled, and a success is remembered',
    run: async (context) => {
      const client = await context.client()
      const [topic, spy] = [await context.topic(), context.spy().fails(1)]
      const dedup = { store: new MemoryDedupStore(), leaseMs: 60_000 }
      await client.subscribe(topic, spy, { ...context.member(), dedup, retry: { backoff: context.backoff } })
      await client.publish(topic, 1, { id: 'message-1' })
      await context.waitFor('the retry to succeed', () => client.stats.handled === 1)
      await client.publish(topic, 1, { id: 'message-1' })
      await context.waitFor('the duplicate', () => client.stats.deduplicated === 1)
      assert.equal(spy.calls.length, 2)
    },
  },
  {
    id: 'dedup.busy',
    title: 'a key held by another consumer: the message comes back after the lease, unacknowledged until then',
    run: async (context) => {
      const client = await context.client()
      const [topic, spy] = [await context.topic(), context.spy()]
      const store = new MemoryDedupStore()
      const { delayMs } = context.limits
      await store.claim('the key', delayMs)
      const claimedAt = performance.now()
      await client.subscribe(topic, spy, { ...context.member(), dedup: { store, key: () => 'the key' } })
      await client.publish(topic, 1)
      await context.called(spy, 1)
      const waited = performance.now() - claimedAt
      assert(
        waited >= delayMs - context.limits.earlyMs - 5,
        `it was handled ${waited} ms after another had claimed it for ${delayMs} ms`,
      )
      assert.equal(spy.calls[0]?.[1].attempt, 1, 'waiting is not an attempt')
    },
  },
  {
    id: 'dedup.renew',
    title: 'the lease of a handler that takes long is renewed',
    run: async (context) => {
      // A process that stands still for longer loses its lease, and rightly.
      for (let tries = 1; (await holdsLease(context)) === 'stood still'; tries++)
        assert(tries < MOST_TRIES, 'no try went by undisturbed')
    },
  },
  {
    id: 'dedup.store-away',
    title: 'while the store cannot be asked nothing is handled twice and nothing is lost',
    run: async (context) => {
      const client = await context.client()
      const [topic, spy] = [await context.topic(), context.spy()]
      const memory = new MemoryDedupStore()
      let failures = 1
      const store: DedupStore = {
        claim: async (key, leaseMs) => {
          if (failures-- > 0) throw new Error('the store is away')
          return memory.claim(key, leaseMs)
        },
        renew: (key, token, leaseMs) => memory.renew(key, token, leaseMs),
        commit: (key, token, rememberMs) => memory.commit(key, token, rememberMs),
        release: (key, token) => memory.release(key, token),
      }
      await client.subscribe(topic, spy, { ...context.member(), dedup: { store } })
      await client.publish(topic, 1)
      await context.called(spy, 1)
      assert.equal(spy.calls[0]?.[1].attempt, 1)
    },
  },
]

const MOST_TRIES = 5

async function holdsLease(context: PipelineContext): Promise<'held' | 'stood still'> {
  const client = await context.client()
  const topic = await context.topic()
  const store = new MemoryDedupStore()
  // Long enough for a machine that has more to do.
  const leaseMs = Math.max(context.limits.delayMs, 2000)
  const finish = Promise.withResolvers<void>()
  const spy = context.spy(() => finish.promise)
  await client.subscribe(topic, spy, { ...context.member(), dedup: { store, key: () => 'the key', leaseMs } })
  await client.publish(topic, 1)
  await context.called(spy, 1)
  let lookedAt = performance.now()
  const until = lookedAt + leaseMs * 2
  let longestMs = 0
  const lease = await context.waitFor('two leases to pass', async () => {
    const now = performance.now()
    longestMs = Math.max(longestMs, now - lookedAt)
    lookedAt = now
    if ((await store.claim('the key', 1)).state !== 'busy') return 'lost'
    return now > until && 'held'
  })
  finish.resolve()
  if (lease === 'lost' && longestMs > leaseMs / 3) return 'stood still'
  assert.equal(lease, 'held')
  await context.waitFor('the end', () => client.stats.handled === 1)
  assert.equal((await store.claim('the key', 1)).state, 'done')
  return 'held'
}
