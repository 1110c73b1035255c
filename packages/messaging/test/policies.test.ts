import { breaker, bulkhead, constantBackoff, pipeline, timeout } from '@comm/core'
import { MemoryBroker, MemoryServer } from '@comm/messaging'
import { TestClock } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'

const codeOf = ({ code }: { code: string }): string => code

describe('policies in front of publish', () => {
  it('a breaker opens in an outage, refuses at once and leaves the buffer empty, and closes when the broker is back', async () => {
    const clock = new TestClock()
    const server = new MemoryServer({ clock })
    const guard = breaker({ consecutiveFailures: 3, openMs: 5000, clock })
    const resilience = pipeline([guard, timeout({ ms: 500 })], { clock })
    const broker = new MemoryBroker({ clock, server, resilience })
    const handled: unknown[] = []
    await broker.subscribe('a', (body) => void handled.push(body), { group: 'g' })
    await broker.publish('a', 'before')
    server.stop()
    const lost = Promise.all([1, 2, 3].map((at) => broker.publish('a', at).catch(codeOf)))
    await clock.advance(500)
    expect(await lost).toEqual(['COMM_TIMEOUT', 'COMM_TIMEOUT', 'COMM_TIMEOUT'])
    expect(guard.state).toBe('open')
    expect(await broker.publish('a', 4).catch(codeOf)).toBe('COMM_BREAKER_OPEN')
    expect(broker.buffered.messages).toBe(0)
    // Still away: the probe fails, and the breaker stays open.
    await clock.advance(5000)
    const probe = broker.publish('a', 5).catch(codeOf)
    await clock.advance(500)
    expect(await probe).toBe('COMM_TIMEOUT')
    expect(guard.state).toBe('open')
    server.start()
    await clock.advance(20_000)
    const recovered = broker.publish('a', 'after')
    await clock.advance(3000)
    await recovered
    expect(guard.state).toBe('closed')
    expect(handled).toEqual(['before', 'after'])
    await broker.close()
    await clock.advance(0)
    expect(clock.pendingTimers).toBe(0)
  })

  it('a breaker without a timeout counts publishes that were not confirmed in their own time', async () => {
    const clock = new TestClock()
    const server = new MemoryServer({ clock })
    const guard = breaker({ consecutiveFailures: 1, clock })
    const broker = new MemoryBroker({ clock, server, publishTimeoutMs: 1000, resilience: pipeline([guard], { clock }) })
    await broker.start()
    server.stop()
    const lost = broker.publish('a', 1).catch(codeOf)
    await clock.advance(1000)
    expect(await lost).toBe('COMM_PUBLISH')
    expect(guard.state).toBe('open')
    await broker.close()
  })

  it('a bulkhead bounds how many wait', async () => {
    const clock = new TestClock()
    const server = new MemoryServer({ clock })
    const broker = new MemoryBroker({ clock, server, resilience: pipeline([bulkhead({ limit: 2 })], { clock }) })
    await broker.subscribe('a', () => undefined, { group: 'g' })
    server.stop()
    const waiting = [broker.publish('a', 1), broker.publish('a', 2)]
    await clock.advance(0)
    expect(await broker.publish('a', 3).catch(codeOf)).toBe('COMM_BULKHEAD_FULL')
    server.start()
    await clock.advance(5000)
    await Promise.all(waiting)
    await broker.close()
  })
})

describe('policies in front of a handler', () => {
  it('what an open breaker refuses comes again when it may be let through, and was no attempt', async () => {
    const clock = new TestClock()
    const guard = breaker({ consecutiveFailures: 2, openMs: 30_000, openGrowth: 1, clock })
    const broker = new MemoryBroker({ clock })
    let isBroken = true
    const attempts: number[] = []
    const handler = (_body: unknown, { attempt }: { readonly attempt: number }): void => {
      attempts.push(attempt)
      if (isBroken) throw new Error('the database is away')
    }
    const retry = { maxAttempts: 3, backoff: constantBackoff({ baseMs: 1000, jitter: 0 }) }
    await broker.subscribe('a', handler, { group: 'g', concurrency: 1, retry, resilience: pipeline([guard], { clock }) })
    await broker.publishMany('a', [1, 2, 3, 4])
    await clock.advance(20_000)
    expect(guard.state).toBe('open')
    expect(attempts).toEqual([1, 1])
    expect(broker.stats).toMatchObject({ retried: 2, dead: 0 })
    isBroken = false
    await clock.advance(60_000)
    expect(guard.state).toBe('closed')
    expect(broker.stats).toMatchObject({ handled: 4, retried: 2, dead: 0 })
    expect(attempts.sort()).toEqual([1, 1, 1, 1, 2, 2])
    await broker.close()
  })

  it('what a full bulkhead refuses comes again, and was no attempt', async () => {
    const clock = new TestClock()
    const broker = new MemoryBroker({ clock })
    const attempts: number[] = []
    const handler = async (_body: unknown, { attempt }: { readonly attempt: number }): Promise<void> => {
      attempts.push(attempt)
      await new Promise((resolve) => clock.setTimer(500, () => resolve(undefined)))
    }
    await broker.subscribe('a', handler, {
      group: 'g',
      concurrency: 5,
      retry: { maxAttempts: 1 },
      resilience: pipeline([bulkhead({ limit: 1 })], { clock }),
    })
    await broker.publishMany('a', [1, 2, 3])
    await clock.advance(10_000)
    expect(attempts).toEqual([1, 1, 1])
    expect(broker.stats).toMatchObject({ handled: 3, dead: 0, retried: 0 })
    await broker.close()
  })

  it('a refusal that the handler itself met is a failed attempt', async () => {
    const clock = new TestClock()
    const broker = new MemoryBroker({ clock })
    const inner = pipeline([bulkhead({ limit: 1 })], { clock })
    void inner.run(() => new Promise(() => undefined), undefined).catch(() => undefined)
    await broker.subscribe('a', () => inner.run(() => undefined, undefined), {
      group: 'g',
      retry: { maxAttempts: 1 },
      resilience: pipeline([bulkhead({ limit: 5 })], { clock }),
    })
    await broker.publish('a', 1)
    await clock.advance(0)
    expect(broker.stats).toMatchObject({ dead: 1 })
    await broker.close()
  })
})
