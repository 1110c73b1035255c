import {
  MemoryRateLimitStore,
  pipeline,
  type RateLimitAnswer,
  type RateLimitStore,
  rateLimit,
  timeout,
  withDeadline,
} from '@comm/core'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { after, deferred, expectNothingLeft, SEEDED, TestClock, watch } from './support.ts'

/** A store on the other side of a network. */
function remoteStore(clock: TestClock, latencyMs: number): RateLimitStore & { readonly takes: number[] } {
  const store = new MemoryRateLimitStore({ clock })
  const takes: number[] = []
  return {
    takes,
    async take(...request): Promise<RateLimitAnswer> {
      takes.push(clock.now())
      await after(clock, latencyMs)
      return store.take(...request)
    },
  }
}

describe('a rate limit', () => {
  it('lets a burst through, then refuses and says when to come again', async () => {
    const clock = new TestClock()
    const limited = pipeline([rateLimit({ perSecond: 4, burst: 2 })], { clock })
    await limited.run(() => 1, undefined)
    await limited.run(() => 1, undefined)
    await expect(limited.run(() => 1, undefined)).rejects.toMatchObject({
      code: 'COMM_RATE_LIMITED',
      message: "the rate limit of 4 per second for 'default' is used up; try again in 250 ms",
      details: { retryAfterMs: 250, key: 'default' },
    })
    await clock.advance(250)
    await expect(limited.run(() => 1, undefined)).resolves.toBe(1)
  })

  it('counts in whole milliseconds', async () => {
    const limited = pipeline([rateLimit({ perSecond: 3, burst: 1 })], { clock: new TestClock() })
    await limited.run(() => 1, undefined)
    await expect(limited.run(() => 1, undefined)).rejects.toMatchObject({ details: { retryAfterMs: 334 } })
  })

  it('has a bucket per key', async () => {
    const clock = new TestClock()
    const limited = pipeline([rateLimit({ perSecond: 1, key: ({ argument }) => String(argument) })], { clock })
    await limited.run(() => 1, 'a')
    await limited.run(() => 1, 'b')
    await expect(limited.run(() => 1, 'a')).rejects.toThrow("for 'a' is used up")
  })

  it('lets a call wait for its turn', async () => {
    const clock = new TestClock()
    const limited = pipeline([rateLimit({ perSecond: 10, burst: 1, maxWaitMs: 200 })], { clock })
    const calledAt: number[] = []
    const runs = [1, 2, 3, 4].map(() => watch(limited.run(() => calledAt.push(clock.now()), undefined)))
    await clock.advance(1000)
    expect(calledAt).toEqual([0, 100, 200])
    expect(runs.map(({ outcome }) => outcome).filter((outcome) => outcome !== 'pending' && 'error' in outcome)).toHaveLength(1)
    await expectNothingLeft(clock)
  })

  it('refuses at once where the deadline comes before the turn', async () => {
    const clock = new TestClock()
    const limited = pipeline([rateLimit({ perSecond: 1, maxWaitMs: 5000 })], { clock })
    await limited.run(() => 1, undefined)
    const run = withDeadline(1000, () => limited.run(() => 1, undefined), clock)
    await expect(run).rejects.toMatchObject({ code: 'COMM_RATE_LIMITED' })
    await expectNothingLeft(clock)
  })

  it('lets one that waits be aborted', async () => {
    const clock = new TestClock()
    const stopping = new AbortController()
    const limited = pipeline([timeout({ ms: 5000 }), rateLimit({ perSecond: 1, maxWaitMs: 5000 })], { clock })
    await limited.run(() => 1, undefined)
    const run = watch(limited.run(() => 1, undefined, stopping.signal))
    await clock.advance(500)
    stopping.abort(new Error('stop'))
    await expectNothingLeft(clock, stopping.signal)
    expect(run.outcome).toEqual({ error: new Error('stop') })
  })

  it('waits with a shared store too, and gives up on time', async () => {
    const clock = new TestClock()
    const store = remoteStore(clock, 10)
    const limited = pipeline([rateLimit({ perSecond: 10, burst: 1, maxWaitMs: 150, store })], { clock })
    const calledAt: number[] = []
    const runs = [1, 2, 3].map(() => watch(limited.run(() => calledAt.push(clock.now()), undefined)))
    await clock.advance(1000)
    expect(calledAt).toEqual([10, 120])
    expect(runs.map(({ outcome }) => outcome)).toEqual([
      { value: 1 },
      { value: 2 },
      { error: expect.objectContaining({ code: 'COMM_RATE_LIMITED' }) },
    ])
    await expectNothingLeft(clock)
  })

  it('that is cancelled while a shared store answers asks it no more', async () => {
    const clock = new TestClock()
    const store = remoteStore(clock, 100)
    const limited = pipeline([timeout({ ms: 150 }), rateLimit({ perSecond: 1, burst: 1, maxWaitMs: 120, store })], { clock })
    const runs = [1, 2].map(() => watch(limited.run(() => deferred().promise, undefined)))
    await clock.advance(3000)
    for (const { outcome } of runs)
      expect(outcome).toMatchObject({ error: { name: expect.stringMatching(/TimeoutError|RateLimitedError/) } })
    expect(store.takes).toEqual([0, 0])
    await expectNothingLeft(clock)
  })

  it('fails as its store does', async () => {
    const store: RateLimitStore = { take: () => Promise.reject(new Error('store is away')) }
    await expect(pipeline([rateLimit({ perSecond: 1, store })]).run(() => 1, undefined)).rejects.toThrow('store is away')
  })

  it('never lets more through than its burst and what flowed in since', async () => {
    const plan = fc.record({
      perSecond: fc.double({ min: 0.5, max: 50, noNaN: true }),
      burst: fc.integer({ min: 1, max: 10 }),
      maxWaitMs: fc.integer({ min: 0, max: 500 }),
      calls: fc.array(fc.integer({ min: 0, max: 2000 }), { minLength: 1, maxLength: 40 }),
    })
    await fc.assert(
      fc.asyncProperty(plan, async ({ perSecond, burst, maxWaitMs, calls }) => {
        const clock = new TestClock()
        const limited = pipeline([rateLimit({ perSecond, burst, maxWaitMs })], { clock })
        const calledAt: number[] = []
        for (const startAt of calls) {
          clock.setTimer(startAt, () => void limited.run(() => calledAt.push(clock.now()), undefined).catch(() => {}))
        }
        await clock.advance(3000)
        for (let from = 0; from < calledAt.length; from++) {
          for (let to = from; to < calledAt.length; to++) {
            const elapsedMs = calledAt[to]! - calledAt[from]!
            expect(to - from + 1).toBeLessThanOrEqual(burst + (elapsedMs / 1000) * perSecond + 1e-6)
          }
        }
        await expectNothingLeft(clock)
      }),
      { ...SEEDED, numRuns: 100 },
    )
  })
})
