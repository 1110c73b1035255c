import { constantBackoff } from '@comm/core'
import { type ManualMeta, MemoryBroker, type SubscribeOptions } from '@comm/messaging'
import { TestClock } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'

/** A subscription whose messages the test settles by hand. */
async function setUp(options: SubscribeOptions = {}) {
  const clock = new TestClock()
  const broker = new MemoryBroker({ clock })
  const metas: ManualMeta[] = []
  const retry = { maxAttempts: 3, backoff: constantBackoff({ baseMs: 1000, jitter: 0 }) }
  const all = { group: 'g', retry, ...options, ack: 'manual' } as const
  const subscription = await broker.subscribe('a', (_body, meta) => void metas.push(meta), all)
  const publish = async (count = 1): Promise<void> => {
    for (let at = 0; at < count; at++) await broker.publish('a', at)
    await clock.advance(0)
  }
  const at = (index: number): ManualMeta => metas[index] as ManualMeta
  return { clock, broker, metas, at, publish, subscription, letters: broker.deadLetters('a', 'g') }
}

describe("ack: 'manual'", () => {
  it('a message is done when it is acknowledged, long after its handler returned, once', async () => {
    const { clock, broker, at, publish, subscription } = await setUp()
    await publish()
    await clock.advance(20_000)
    expect(subscription.inFlight).toBe(1)
    expect(broker.stats.handled).toBe(0)
    expect(at(0).ack()).toBe(true)
    expect([at(0).ack(), at(0).retry(), at(0).deadLetter('why')]).toEqual([false, false, false])
    await clock.advance(0)
    expect(subscription.inFlight).toBe(0)
    expect(broker.stats).toMatchObject({ handled: 1, consumed: 1 })
    await broker.close()
    expect(clock.pendingTimers).toBe(0)
  })

  it('what the meta can do may be taken out of it by name', async () => {
    const { at, publish, broker } = await setUp({ deadlineMs: 5000 })
    await publish(2)
    const { remainingMs, ack, attempt, id } = at(0)
    expect([remainingMs(), attempt, id]).toEqual([5000, 1, at(0).id])
    expect(ack()).toBe(true)
    const { deadLetter, retry } = at(1)
    expect([deadLetter('why'), retry()]).toEqual([true, false])
    await broker.close()
  })

  it('an unsettled message holds its place in the concurrency', async () => {
    const { clock, metas, at, publish, broker } = await setUp({ concurrency: 2 })
    await publish(3)
    expect(metas).toHaveLength(2)
    at(1).ack()
    await clock.advance(0)
    expect(metas).toHaveLength(3)
    for (const meta of metas) meta.ack()
    await broker.close()
  })

  it('retries after the backoff, or after what it asks for, and dies after the last attempt', async () => {
    const { clock, metas, at, publish, letters, broker } = await setUp()
    await publish()
    expect(at(0).retry()).toBe(true)
    await clock.advance(999)
    expect(metas).toHaveLength(1)
    await clock.advance(1)
    expect(metas).toHaveLength(2)
    at(1).retry(5000)
    await clock.advance(4999)
    expect(metas).toHaveLength(2)
    await clock.advance(1)
    expect(at(2).attempt).toBe(3)
    at(2).retry()
    await clock.advance(0)
    expect((await letters.list()).map(({ reason, attempts }) => [reason, attempts])).toEqual([['attempts', 3]])
    await broker.close()
  })

  it('puts a message into the dead-letter topic', async () => {
    const { clock, at, publish, letters, broker } = await setUp()
    await publish()
    at(0).deadLetter('unknown customer')
    await clock.advance(0)
    expect((await letters.list()).map(({ reason, message }) => [reason, message])).toEqual([['rejected', 'unknown customer']])
    await broker.close()
  })

  it('obeys the deadline: the attempt has failed then, and a later verdict counts for nothing', async () => {
    const { clock, broker, metas, at, publish } = await setUp({ deadlineMs: 100 })
    await publish()
    await clock.advance(100)
    expect(at(0).signal.aborted).toBe(true)
    expect(at(0).ack()).toBe(false)
    await clock.advance(1000)
    expect(metas).toHaveLength(2)
    expect(at(1).ack()).toBe(true)
    await clock.advance(0)
    expect(broker.stats).toMatchObject({ handled: 1, retried: 1 })
    await broker.close()
  })

  it('a stop gives back what is not settled in its time, as the same attempt', async () => {
    const { clock, broker, at, publish, subscription, letters } = await setUp()
    await publish()
    const stopped = subscription.stop(50)
    await clock.advance(200)
    await stopped
    expect(at(0).signal.aborted).toBe(true)
    expect(at(0).ack()).toBe(false)
    expect(broker.stats).toMatchObject({ released: 1, retried: 0 })
    expect(await letters.count()).toBe(0)
    const attempts: number[] = []
    await broker.subscribe('a', (_body, meta) => void attempts.push(meta.attempt), { group: 'g' })
    await clock.advance(0)
    expect(attempts).toEqual([1])
    await broker.close()
  })

  it('a handler that throws before its verdict has failed; after it, the verdict stands', async () => {
    const clock = new TestClock()
    const broker = new MemoryBroker({ clock })
    const handler = async (body: unknown, meta: ManualMeta): Promise<void> => {
      if (body === 'after') meta.ack()
      throw new Error('broken')
    }
    await broker.subscribe('a', handler, { group: 'g', ack: 'manual', retry: { maxAttempts: 1 } })
    await broker.publish('a', 'after')
    await broker.publish('a', 'before')
    await clock.advance(0)
    expect(broker.stats).toMatchObject({ handled: 1, dead: 1 })
    await broker.close()
  })

  it('says that it does nothing for a handler that does not acknowledge by hand', async () => {
    const clock = new TestClock()
    const broker = new MemoryBroker({ clock })
    const answers: unknown[] = []
    await broker.subscribe('a', (_body, meta) => void answers.push((meta as ManualMeta).ack()), { group: 'g' })
    await broker.publish('a', 1)
    await clock.advance(0)
    expect(answers).toEqual([false])
    await broker.close()
  })
})
