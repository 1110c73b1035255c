import assert from 'node:assert/strict'
import { currentContext } from '@comm/core'
import type { PipelineCase } from '../case.ts'

export const deadlines: readonly PipelineCase[] = [
  {
    id: 'deadline.abort',
    title: 'a handler out of time sees its signal abort, and the message is tried again with a signal of its own',
    run: async (context) => {
      const client = await context.client()
      const topic = await context.topic()
      const reasons: unknown[] = []
      const spy = context.spy().next(async (_, { signal }) => {
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
        reasons.push(signal.reason.code)
        throw signal.reason
      })
      await client.subscribe(topic, spy, { ...context.member(), deadlineMs: 50, retry: { backoff: context.backoff } })
      await client.publish(topic, 1)
      await context.called(spy, 2)
      assert.deepEqual(reasons, ['COMM_TIMEOUT'])
      const [first, second] = spy.calls.map(([, meta]) => meta)
      assert.deepEqual([second?.attempt, first?.signal.aborted, second?.signal.aborted], [2, true, false])
    },
  },
  {
    id: 'deadline.ignored',
    title: 'a handler that ignores its signal is left behind: its message dies on time and the consumer goes on',
    needs: ['groups', 'admin'],
    run: async (context) => {
      const client = await context.client()
      const [topic, group] = [await context.topic(), context.group()]
      const spy = context.spy().next(() => new Promise(() => undefined))
      await client.subscribe(topic, spy, { group, deadlineMs: 50, concurrency: 1, retry: { maxAttempts: 1 } })
      await client.publish(topic, 'stuck')
      // Without a key the next one may overtake it in another partition.
      await context.called(spy, 1)
      await client.publish(topic, 'next')
      await context.called(spy, 2)
      assert.deepEqual(spy.messages, ['stuck', 'next'])
      const letters = client.deadLetters(topic, group)
      const [letter] = await context.waitFor('the dead letter', async () =>
        (await letters.count()) === 1 ? letters.list() : undefined,
      )
      assert.deepEqual([letter?.reason, letter?.code, letter?.body], ['attempts', 'COMM_TIMEOUT', 'stuck'])
    },
  },
  {
    id: 'deadline.context',
    title: 'what the handler calls knows how much time is left',
    run: async (context) => {
      const client = await context.client()
      const topic = await context.topic()
      const left: number[] = []
      const spy = context.spy((_, meta) => {
        left.push(meta.remainingMs(), (currentContext()?.deadlineAt ?? 0) - performance.now())
      })
      await client.subscribe(topic, spy, { ...context.member(), deadlineMs: 5000 })
      await client.publish(topic, 1)
      await context.called(spy, 1)
      for (const ms of left) assert(ms > 0 && ms <= 5000, `${ms} ms are left of 5000`)
    },
  },
]
