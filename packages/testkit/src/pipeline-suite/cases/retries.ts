import assert from 'node:assert/strict'
import { retryAfter } from '@comm/messaging'
import type { PipelineCase } from '../case.ts'

export const retries: readonly PipelineCase[] = [
  {
    id: 'retry.delayed',
    title: 'a failed attempt is followed by another after the backoff, with the same id and the next attempt number',
    run: async (context) => {
      const client = await context.client()
      const [topic, spy] = [await context.topic(), context.spy()]
      const times: number[] = []
      spy.usually(() => times.push(performance.now()))
      for (let time = 0; time < 2; time++) {
        spy.next(() => {
          times.push(performance.now())
          throw new Error('not yet')
        })
      }
      await client.subscribe(topic, spy, { ...context.member(), retry: { backoff: context.backoff } })
      await client.publish(topic, { id: 7 }, { id: 'message-1', key: 'k' })
      await context.called(spy, 3)
      const metas = spy.calls.map(([, meta]) => meta)
      assert.deepEqual(
        metas.map(({ attempt }) => attempt),
        [1, 2, 3],
      )
      assert.deepEqual(
        metas.map(({ id }) => id),
        ['message-1', 'message-1', 'message-1'],
      )
      assert.deepEqual(
        metas.map(({ key }) => key),
        ['k', 'k', 'k'],
      )
      assert.equal(new Set(metas.map(({ firstSeenAt }) => firstSeenAt)).size, 1, 'first seen is kept')
      const waited = (times[1] as number) - (times[0] as number)
      assert(waited >= context.limits.delayMs - context.limits.earlyMs - 2, `the first retry came after ${waited} ms`)
    },
  },
  {
    id: 'retry.does-not-block',
    title: 'a message that waits for its retry does not hold up others, of its key neither',
    needs: ['delay', 'groups'],
    run: async (context) => {
      const client = await context.client()
      const [topic, done] = [await context.topic(), [] as unknown[]]
      // The first attempt fails only once all are published: on a slow broker the retry would be due before the others are there.
      const published = Promise.withResolvers<void>()
      let calls = 0
      const handler = async (body: unknown): Promise<void> => {
        calls++
        await published.promise
        if (calls === 1) throw new Error('not yet')
        done.push(body)
      }
      await client.subscribe(topic, handler, { group: context.group(), concurrency: 1, retry: { backoff: context.backoff } })
      for (const body of ['first', 'second', 'third']) await client.publish(topic, body, { key: 'k' })
      published.resolve()
      await context.waitFor('all three', () => done.length === 3)
      assert.deepEqual(done, ['second', 'third', 'first'])
    },
  },
  {
    id: 'retry.in-order',
    title: 'in order: later messages of the key wait for the retries of an earlier one',
    needs: ['laneOrder'],
    run: async (context) => {
      const client = await context.client()
      const [topic, done] = [await context.topic(), [] as unknown[]]
      const spy = context.spy((body) => done.push(body)).fails(2)
      await client.subscribe(topic, spy, { ...context.member(), retry: { backoff: context.backoff, inOrder: true } })
      for (const body of ['first', 'second', 'third']) await client.publish(topic, body, { key: 'k' })
      await context.waitFor('all three', () => done.length === 3)
      assert.deepEqual(done, ['first', 'second', 'third'])
    },
  },
  {
    id: 'retry.own-group-only',
    title: 'a retry reaches the group that failed and no other',
    needs: ['delay', 'groups'],
    run: async (context) => {
      const client = await context.client()
      const topic = await context.topic()
      const [failing, healthy] = [context.spy().fails(2), context.spy()]
      await client.subscribe(topic, failing, { group: context.group(), retry: { backoff: context.backoff } })
      await client.subscribe(topic, healthy, { group: context.group() })
      await client.publish(topic, 1)
      await context.called(failing, 3)
      assert.equal(healthy.calls.length, 1)
    },
  },
  {
    id: 'retry.in-process',
    title: 'the first retries may happen at once, here',
    run: async (context) => {
      const client = await context.client()
      const [topic, spy] = [await context.topic(), context.spy().fails(2)]
      const { limits } = context
      await client.subscribe(topic, spy, { ...context.member(), retry: { backoff: context.backoff, inProcess: 2 } })
      await client.publish(topic, 1)
      await context.waitFor('the third attempt', () => client.stats.handled === 1)
      assert.equal(client.stats.consumed, 1, `after ${limits.delayMs} ms it was not fetched again`)
      assert.deepEqual(
        spy.calls.map(([, { attempt }]) => attempt),
        [1, 2, 3],
      )
    },
  },
  {
    id: 'retry.asked-for',
    title: 'a handler may ask for a retry itself',
    run: async (context) => {
      const client = await context.client()
      const topic = await context.topic()
      const spy = context.spy().next(() => retryAfter(context.limits.delayMs))
      await client.subscribe(topic, spy, context.member())
      await client.publish(topic, 1)
      await context.called(spy, 2)
      assert.deepEqual(
        spy.calls.map(([, { attempt }]) => attempt),
        [1, 2],
      )
    },
  },
  {
    id: 'retry.ephemeral',
    title: 'a subscription without a group retries its own copy',
    run: async (context) => {
      const client = await context.client()
      const topic = await context.topic()
      const [failing, healthy] = [context.spy().fails(1), context.spy()]
      await client.subscribe(topic, failing, { retry: { backoff: context.backoff } })
      await client.subscribe(topic, healthy)
      await client.publish(topic, 1)
      await context.called(failing, 2)
      assert.equal(healthy.calls.length, 1)
    },
  },
]
