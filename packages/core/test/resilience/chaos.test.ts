import { chaos, observePolicies, type PolicyEvent, pipeline, retry, seededRandom, timeout } from '@comm/core'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { expectNothingLeft, SEEDED, TestClock, watch } from './support.ts'

const ALL = { latency: { rate: 1, ms: 10 }, fault: { rate: 1 }, outcome: { rate: 1, value: 'made up' } }

describe('chaos', () => {
  it('does nothing unless it is enabled, and costs nothing then', async () => {
    const off = chaos(ALL)
    expect([off.enter, off.leave]).toEqual([undefined, undefined])
    await expect(pipeline([off]).run(() => 'real', undefined)).resolves.toBe('real')
  })

  it('can be turned on and off while it is in use', async () => {
    let enabled = false
    const guarded = pipeline([chaos({ enabled: () => enabled, outcome: { rate: 1, value: 'made up' } })])
    const answers = [await guarded.run(() => 'real', undefined)]
    enabled = true
    answers.push(await guarded.run(() => 'real', undefined))
    expect(answers).toEqual(['real', 'made up'])
  })

  it('makes calls fail that are not made, with an error that is worth a retry', async () => {
    let calls = 0
    const guarded = pipeline([chaos({ enabled: true, fault: { rate: 1 } })])
    await expect(guarded.run(() => calls++, undefined)).rejects.toMatchObject({
      code: 'COMM_CONNECTION',
      message: 'chaos: this call was made to fail',
      retryable: true,
    })
    expect(calls).toBe(0)
    const own = pipeline([chaos({ enabled: true, fault: { rate: 1, error: ({ argument }) => new Error(`no ${argument}`) } })])
    await expect(own.run(() => 1, 'tea')).rejects.toThrow('no tea')
  })

  it('makes calls slow, and a timeout outside ends them', async () => {
    const clock = new TestClock()
    const slow = pipeline([chaos({ enabled: true, latency: { rate: 1, ms: 50 } })], { clock })
    const run = watch(slow.run(() => clock.now(), undefined))
    await clock.advance(50)
    expect(run.outcome).toEqual({ value: 50 })
    const late = watch(
      pipeline([timeout({ ms: 20 }), chaos({ enabled: true, latency: { rate: 1, ms: 50 } })], { clock }).run(() => 1, undefined),
    )
    await clock.advance(20)
    expect(late.outcome).toMatchObject({ error: { code: 'COMM_TIMEOUT' } })
    await expectNothingLeft(clock)
  })

  it('tells what it does', async () => {
    const clock = new TestClock()
    const events: PolicyEvent[] = []
    const stop = observePolicies((event) => events.push(event))
    const run = pipeline([chaos({ name: 'test', enabled: true, ...ALL, fault: { rate: 0 } })], { clock }).run(() => 1, undefined)
    await clock.advance(10)
    stop()
    await expect(run).resolves.toBe('made up')
    expect(events).toEqual(['latency', 'outcome'].map((what) => ({ policy: 'chaos', name: 'test', event: 'injection', what })))
  })

  it('chooses the same calls for the same seed, and about the share that it is told', async () => {
    const chosen = async (seed: number, rate: number): Promise<boolean[]> => {
      const guarded = pipeline([chaos({ enabled: true, seed, outcome: { rate, value: true } })])
      return Promise.all(Array.from({ length: 400 }, () => guarded.run(() => false, undefined)))
    }
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.double({ min: 0, max: 1, noNaN: true }), async (seed, rate) => {
        const first = await chosen(seed, rate)
        expect(await chosen(seed, rate)).toEqual(first)
        expect(Math.abs(first.filter(Boolean).length - 400 * rate)).toBeLessThan(50)
      }),
      { ...SEEDED, numRuns: 20 },
    )
  })

  it('spreads latency between its bounds', async () => {
    const clock = new TestClock()
    const guarded = pipeline([chaos({ enabled: true, seed: 3, latency: { rate: 1, ms: 20, maxMs: 60 } })], { clock })
    const took = Array.from({ length: 200 }, () => guarded.run(() => clock.now(), undefined))
    await clock.advance(60)
    const times = await Promise.all(took)
    expect([Math.min(...times) >= 20, Math.max(...times) <= 60]).toEqual([true, true])
    expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(30)
  })

  it('is what a retry is for', async () => {
    const clock = new TestClock()
    const stages = [retry({ maxRetries: 5, random: seededRandom(2) }), chaos({ enabled: true, seed: 4, fault: { rate: 0.3 } })]
    const runs = Array.from({ length: 100 }, () => watch(pipeline(stages, { clock }).run(() => 'answer', undefined)))
    await clock.advance(60_000)
    expect(runs.filter(({ outcome }) => outcome !== 'pending' && 'value' in outcome).length).toBeGreaterThanOrEqual(99)
    await expectNothingLeft(clock)
  })
})
