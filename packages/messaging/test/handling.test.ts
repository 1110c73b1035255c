import { AsyncLocalStorage } from 'node:async_hooks'
import { type CallContext, constantBackoff, currentContext, PublishError } from '@comm/core'
import { type Delivery, MemoryBroker, MemoryServer, MessageClient } from '@comm/messaging'
import { TestClock } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'
import { Between } from './support/between.ts'

describe('the context of a handler', () => {
  it('is its own: one left behind keeps its signal and its deadline while the next attempt runs', async () => {
    const clock = new TestClock()
    await using broker = new MemoryBroker({ clock })
    const contexts: (CallContext | undefined)[] = []
    const leftBehind = Promise.withResolvers<unknown>()
    const handler = async (_body: unknown, { attempt }: { readonly attempt: number }): Promise<void> => {
      contexts.push(currentContext())
      if (attempt === 1) await new Promise((resolve) => clock.setTimer(150, () => resolve(undefined)))
      if (attempt === 1) leftBehind.resolve([currentContext()?.signal?.aborted, currentContext()?.deadlineAt])
      else await new Promise((resolve) => clock.setTimer(90, () => resolve(undefined)))
    }
    await broker.subscribe('a', handler, {
      group: 'g',
      deadlineMs: 100,
      retry: { inProcess: 1, backoff: constantBackoff({ baseMs: 0, jitter: 0 }) },
    })
    await broker.publish('a', 1)
    await clock.advance(120)
    expect(contexts.map((context) => [context?.signal?.aborted, context?.deadlineAt])).toEqual([
      [true, 100],
      [false, 200],
    ])
    await clock.advance(30)
    expect(await leftBehind.promise).toEqual([true, 100])
    await clock.advance(100)
    expect(broker.stats).toMatchObject({ handled: 1, retried: 1 })
  })

  it('does not hold up what follows: an overdue request is still answered', async () => {
    const clock = new TestClock()
    let refusals = 1
    const adapter = new Between(new MemoryServer({ clock }), {
      refuse: ({ topic }) =>
        topic.startsWith('reply.') && refusals-- > 0
          ? { ok: false, stored: 'no', error: new PublishError('queue overflow') }
          : undefined,
    })
    await using client = new MessageClient(adapter, { clock })
    await client.respond('slow', () => new Promise(() => undefined), { deadlineMs: 50 })
    let answer: string | undefined
    client.request('slow', 1, { timeoutMs: 10_000 }).catch(({ code }: { code: string }) => {
      answer = code
    })
    await clock.advance(500)
    expect(answer).toBe('COMM_TIMEOUT')
  })

  it('is in force when its signal aborts, whoever set the timer', async () => {
    const clock = new TestClock()
    const server = new MemoryServer({ clock })
    const caller = new AsyncLocalStorage<string>()
    await using broker = caller.run('subscriber', () => new MemoryBroker({ clock, server }))
    const seen: unknown[] = []
    const handler = (body: unknown, { signal }: { readonly signal: AbortSignal }): Promise<void> => {
      signal.addEventListener('abort', () => seen.push([body, currentContext()?.correlationId]))
      return new Promise(() => undefined)
    }
    await broker.subscribe('a', handler, { group: 'g', deadlineMs: 50, retry: { maxAttempts: 1 } })
    await broker.publish('a', 1, { correlationId: 'one' })
    await broker.publish('a', 2, { correlationId: 'two' })
    await clock.advance(60)
    expect(seen).toEqual([
      [1, 'one'],
      [2, 'two'],
    ])
  })
})

describe('a handler that waits for nothing', () => {
  it('is done, and its message settled, before the hand-over of the delivery ends', async () => {
    const settledInside: boolean[] = []
    class Watched extends Between {
      override subscribe(request: Parameters<Between['subscribe']>[0], onDelivery: (delivery: Delivery) => void) {
        return super.subscribe(request, (delivery) => {
          let isSettled = false
          const settle = delivery.settle.bind(delivery)
          delivery.settle = (how) => {
            isSettled = true
            return settle(how)
          }
          onDelivery(delivery)
          settledInside.push(isSettled)
        })
      }
    }
    await using client = new MessageClient(new Watched(new MemoryServer()))
    await client.subscribe('a', () => undefined, { group: 'g' })
    await client.publish('a', 1)
    await new Promise(setImmediate)
    expect(settledInside).toEqual([true])
  })
})
