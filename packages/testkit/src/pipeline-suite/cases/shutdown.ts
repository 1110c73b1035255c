import assert from 'node:assert/strict'
import type { PipelineCase } from '../case.ts'

export const shutdown: readonly PipelineCase[] = [
  {
    id: 'stop.finishes',
    title: 'a stop while busy lets the handler finish, and its message is not delivered again',
    needs: ['groups', 'durable'],
    run: async (context) => {
      const [stopping, staying] = await Promise.all([context.client(), context.client()])
      const [topic, group] = [await context.topic(), context.group()]
      const finish = Promise.withResolvers<void>()
      const slow = context.spy(() => finish.promise)
      const subscription = await stopping.subscribe(topic, slow, { group, concurrency: 1 })
      await staying.publish(topic, 'first')
      await context.called(slow, 1)
      const stopped = subscription.stop()
      const other = context.spy()
      await staying.subscribe(topic, other, { group })
      await staying.publish(topic, 'second')
      await context.called(other, 1)
      finish.resolve()
      await stopped
      assert.equal(await subscription.ended, undefined)
      await staying.publish(topic, 'third')
      await context.called(other, 2)
      assert.deepEqual([slow.messages, other.messages], [['first'], ['second', 'third']])
    },
  },
  {
    id: 'stop.budget',
    title:
      'a handler that outlasts the stop sees its signal abort, and its message goes to another consumer, as the same attempt',
    needs: ['groups', 'durable'],
    run: async (context) => {
      const [stopping, staying] = await Promise.all([context.client({ closeTimeoutMs: 100 }), context.client()])
      const [topic, group] = [await context.topic(), context.group()]
      const stuck = context.spy(() => new Promise(() => undefined))
      await stopping.subscribe(topic, stuck, { group })
      await staying.publish(topic, 'first', { id: 'message-1' })
      await context.called(stuck, 1)
      const signal = stuck.calls[0]?.[1].signal
      await stopping.close()
      assert.equal(signal?.aborted, true)
      const other = context.spy()
      await staying.subscribe(topic, other, { group })
      await context.called(other, 1)
      const meta = other.calls[0]?.[1]
      assert.deepEqual([meta?.id, meta?.attempt], ['message-1', 1])
    },
  },
  {
    id: 'stop.waiting-retry',
    title: 'a stop does not wait for a retry in process: the message goes back',
    needs: ['groups', 'durable'],
    run: async (context) => {
      const [stopping, staying] = await Promise.all([context.client(), context.client()])
      const [topic, group] = [await context.topic(), context.group()]
      const failing = context.spy().fails(1)
      const backoff = { description: 'a minute', delayMs: () => 60_000 }
      const subscription = await stopping.subscribe(topic, failing, { group, retry: { inOrder: true, backoff } })
      await staying.publish(topic, 1)
      await context.called(failing, 1)
      await context.waitFor('the handler to fail', () => failing.running === 0)
      await subscription.stop()
      const other = context.spy()
      await staying.subscribe(topic, other, { group })
      await context.called(other, 1)
    },
  },
  {
    id: 'stop.flushes',
    title: 'close waits until what was published is confirmed; afterwards the client says that it is closed',
    run: async (context) => {
      const [closing, staying] = await Promise.all([context.client(), context.client()])
      const [topic, spy] = [await context.topic(), context.spy()]
      await staying.subscribe(topic, spy, context.member())
      const published = Promise.all(Array.from({ length: 50 }, (_, index) => closing.publish(topic, index)))
      await closing.close()
      await published
      await context.called(spy, 50)
      await assert.rejects(closing.publish(topic, 1), { code: 'COMM_CLOSED' })
      await assert.rejects(closing.subscribe(topic, spy), { code: 'COMM_CLOSED' })
      assert.equal((await closing.health()).status, 'down')
      await closing.close()
    },
  },
]
