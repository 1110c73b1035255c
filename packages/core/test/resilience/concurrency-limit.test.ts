import { concurrencyLimit, HttpStatusError, type LimitChange, pipeline, TimeoutError, timeout, ValidationError } from '@comm/core'
import { seededRandom } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'
import * as fc from 'fast-check'
import { SimulatedServer } from './simulation/server.ts'
import { after, deferred, expectNothingLeft, SEEDED, TestClock, watch } from './support.ts'

const random = (): number => 0.5

/** Keeps `clients` calls under way, each next one right after the last, for `ms` of the clock. */
async function press(clock: TestClock, clients: number, ms: number, call: () => Promise<unknown>): Promise<void> {
  const until = clock.now() + ms
  const again = async (): Promise<void> => {
    while (clock.now() < until) {
      const refused = await call().then(
        () => false,
        () => true,
      )
      if (refused) await after(clock, 25)
    }
  }
  const all = Promise.all(Array.from({ length: clients }, again))
  await clock.advance(ms + 100)
  await all
}

describe('concurrencyLimit', () => {
  it('grows to what the callee serves at once, and a little more', async () => {
    const clock = new TestClock()
    const server = new SimulatedServer({ clock, workers: 40, serviceMs: () => 10 })
    const limit = concurrencyLimit({ initialLimit: 4, random })
    const guarded = pipeline([limit], { clock })
    await press(clock, 80, 1500, () => guarded.run(server.handle, undefined))
    expect(limit.limit).toBeGreaterThanOrEqual(40)
    expect(limit.limit).toBeLessThanOrEqual(100)
    await expectNothingLeft(clock)
  })

  it('does not grow while nobody asks for more', async () => {
    const clock = new TestClock()
    const server = new SimulatedServer({ clock, workers: 100, serviceMs: () => 10 })
    const changes: LimitChange[] = []
    const limit = concurrencyLimit({ name: 'quiet', random, onLimitChange: (change) => changes.push(change) })
    const guarded = pipeline([limit], { clock })
    await press(clock, 5, 1000, () => guarded.run(server.handle, undefined))
    expect([limit.limit, changes]).toEqual([20, []])
  })

  it.each([
    ['a timeout', () => new TimeoutError('late'), true],
    ['503', () => new HttpStatusError('busy', { status: 503 }), true],
    ['429', () => new HttpStatusError('slow down', { status: 429 }), true],
    ['500', () => new HttpStatusError('broken', { status: 500 }), false],
    ['a mistake of the caller', () => new ValidationError('no'), false],
    ['an error that is not ours', () => new Error('no'), false],
  ])('takes %s for an overload or not (%#)', async (_, error, lowers) => {
    const clock = new TestClock()
    const limit = concurrencyLimit({ random })
    const guarded = pipeline([limit], { clock })
    await press(clock, 10, 1500, () =>
      guarded.run(async () => {
        await after(clock, 10)
        throw error()
      }, undefined),
    )
    expect(limit.limit < 20).toBe(lowers)
  })

  it('is not shaken by a few overloads among many answers', async () => {
    const clock = new TestClock()
    const limit = concurrencyLimit({ random })
    const guarded = pipeline([limit], { clock })
    let calls = 0
    await press(clock, 20, 1500, () =>
      guarded.run(async () => {
        await after(clock, 10)
        if (++calls % 50 === 0) throw new TimeoutError('late')
      }, undefined),
    )
    expect(limit.limit).toBeGreaterThanOrEqual(20)
  })

  it('keeps the slot of a call that timed out until its callee settles, and lets no hanging callee shut it for good', async () => {
    const clock = new TestClock()
    const limit = concurrencyLimit({ initialLimit: 4, minLimit: 4, random })
    const guarded = pipeline([limit, timeout({ ms: 20 })], { clock })
    const gates = Array.from({ length: 3 }, () => deferred())
    for (const gate of gates) void guarded.run(() => gate.promise, undefined).catch(() => {})
    await clock.advance(20)
    expect(limit.running).toBe(3)
    await press(clock, 4, 12_000, () => guarded.run(() => after(clock, 5), undefined))
    const served = watch(guarded.run(() => 'served', undefined))
    await clock.advance(0)
    expect(served.outcome).toEqual({ value: 'served' })
    for (const gate of gates) gate.resolve(undefined)
    await clock.advance(0)
    expect(limit.running).toBe(0)
    await expectNothingLeft(clock)
  })

  it('looks at no lower limit for long while calls that hang hold more slots than that', async () => {
    const clock = new TestClock()
    const limit = concurrencyLimit({ initialLimit: 20, maxLimit: 20, probeIntervalMs: 1000, random })
    const guarded = pipeline([limit], { clock })
    const gate = deferred()
    for (let call = 0; call < 12; call++) void guarded.run(() => gate.promise, undefined)
    let [answered, refused] = [0, 0]
    for (let at = 0; at < 10_000; at += 5) {
      const arrive = (): Promise<unknown> => guarded.run(() => after(clock, 10), undefined)
      clock.setTimer(at, () => {
        arrive().then(
          () => answered++,
          () => refused++,
        )
      })
    }
    await clock.advance(11_000)
    expect(answered).toBeGreaterThan(refused)
    gate.resolve(undefined)
    await expectNothingLeft(clock)
  })

  it('hands a higher limit to those that wait', async () => {
    const clock = new TestClock()
    const server = new SimulatedServer({ clock, workers: 50, serviceMs: () => 10 })
    const limit = concurrencyLimit({ initialLimit: 2, maxQueue: 1000, random })
    const guarded = pipeline([limit], { clock })
    const calls = Array.from({ length: 500 }, () => watch(guarded.run(server.handle, undefined)))
    await clock.advance(5000)
    expect(calls.filter(({ outcome }) => outcome === 'pending')).toEqual([])
    expect(limit.limit).toBeGreaterThan(2)
    expect([limit.running, limit.queued]).toEqual([0, 0])
    await expectNothingLeft(clock)
  })

  it('stays within its bounds, whatever it is told, and never runs more than the highest of them', async () => {
    const plan = fc.record({
      minLimit: fc.integer({ min: 1, max: 3 }),
      maxLimit: fc.integer({ min: 3, max: 12 }),
      windowMs: fc.integer({ min: 0, max: 50 }),
      windowCalls: fc.integer({ min: 1, max: 6 }),
      maxQueue: fc.integer({ min: 0, max: 4 }),
      seed: fc.nat(),
      calls: fc.array(
        fc.record({
          startAt: fc.integer({ min: 0, max: 800 }),
          ms: fc.integer({ min: 0, max: 90 }),
          end: fc.constantFrom('ok', 'late', 'abort', 'bad'),
        }),
        { minLength: 1, maxLength: 60 },
      ),
    })
    await fc.assert(
      fc.asyncProperty(plan, async ({ calls, seed, ...options }) => {
        const clock = new TestClock()
        const limits: number[] = []
        const limit = concurrencyLimit({ ...options, random: seededRandom(seed), onLimitChange: ({ to }) => limits.push(to) })
        const guarded = pipeline([limit, timeout({ ms: 60 })], { clock })
        let [running, most] = [0, 0]
        for (const { startAt, ms, end } of calls) {
          clock.setTimer(startAt, () => {
            const stopping = new AbortController()
            const callee = async (): Promise<void> => {
              most = Math.max(most, ++running)
              await after(clock, end === 'late' ? ms + 60 : ms).finally(() => running--)
              if (end === 'abort') stopping.abort(new Error('stop'))
              if (end === 'bad') throw new Error('bad')
            }
            guarded.run(callee, undefined, stopping.signal).catch(() => {})
          })
        }
        await clock.advance(5000)
        for (const value of [...limits, limit.limit]) {
          expect(Number.isInteger(value)).toBe(true)
          expect(value).toBeGreaterThanOrEqual(options.minLimit)
          expect(value).toBeLessThanOrEqual(options.maxLimit)
        }
        expect(most).toBeLessThanOrEqual(options.maxLimit)
        expect([running, limit.running, limit.queued]).toEqual([0, 0, 0])
        await expectNothingLeft(clock)
      }),
      { ...SEEDED, numRuns: 200 },
    )
  })
})
