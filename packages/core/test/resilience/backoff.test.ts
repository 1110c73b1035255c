import {
  BACKOFF_DEFAULTS,
  type Backoff,
  constantBackoff,
  customBackoff,
  decorrelatedJitterBackoff,
  exponentialBackoff,
  fibonacciBackoff,
  linearBackoff,
} from '@comm/core'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { SEEDED } from './support.ts'

function delays(backoff: Backoff, retries: number, random = () => 0): number[] {
  const all: number[] = []
  for (let retry = 1; retry <= retries; retry++) all.push(backoff.delayMs({ retry, previousMs: all.at(-1), random }))
  return all
}

const limits = { baseMs: 100, maxMs: 1000, jitter: 0 }

describe('backoffs', () => {
  it.each([
    ['constant', constantBackoff(limits), [100, 100, 100, 100, 100, 100]],
    ['linear', linearBackoff({ ...limits, maxMs: 500 }), [100, 200, 300, 400, 500, 500]],
    ['exponential', exponentialBackoff(limits), [100, 200, 400, 800, 1000, 1000]],
    ['fibonacci', fibonacciBackoff(limits), [100, 200, 300, 500, 800, 1000]],
    ['custom', customBackoff(({ retry }) => retry * 7), [7, 14, 21, 28, 35, 42]],
  ])('%s', (_name, backoff, expected) => {
    expect(delays(backoff, 6)).toEqual(expected)
  })

  it('decorrelated jitter is random between the base and three times the delay before', () => {
    const backoff = decorrelatedJitterBackoff({ baseMs: 100, maxMs: 2000 })
    expect(delays(backoff, 3, () => 0)).toEqual([100, 100, 100])
    expect(delays(backoff, 4, () => 0.5)).toEqual([200, 350, 575, 912.5])
    expect(delays(backoff, 4, () => 0.999999).at(-1)).toBe(2000)
  })

  it('jitter takes up to its share away', () => {
    expect(delays(constantBackoff({ baseMs: 100, jitter: 0.5 }), 1, () => 0.5)).toEqual([75])
    expect(delays(constantBackoff({ baseMs: 100, jitter: 1 }), 1, () => 0.25)).toEqual([75])
  })

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY])('a custom delay of %p is none', (ms) => {
    expect(
      delays(
        customBackoff(() => ms),
        1,
      ),
    ).toEqual([0])
  })

  it('a base above the default ceiling raises it', () => {
    expect(delays(constantBackoff({ baseMs: 60_000, jitter: 0 }), 1)).toEqual([60_000])
    expect(delays(exponentialBackoff({ baseMs: 60_000, maxMs: undefined, jitter: 0 } as object), 2)).toEqual([60_000, 60_000])
  })

  it('undefined leaves the default', () => {
    expect(delays(constantBackoff({ baseMs: undefined, jitter: undefined } as object), 1)).toEqual([BACKOFF_DEFAULTS.baseMs])
  })

  it('always give a finite delay from 0 to the ceiling', () => {
    const growing = fc.constantFrom(
      constantBackoff,
      linearBackoff,
      exponentialBackoff,
      fibonacciBackoff,
      decorrelatedJitterBackoff,
    )
    const plan = fc.record({
      baseMs: fc.integer({ min: 0, max: 1000 }),
      moreMs: fc.integer({ min: 0, max: 1e9 }),
      retry: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 1e6 })),
      random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    })
    fc.assert(
      fc.property(growing, plan, (make, { baseMs, moreMs, retry, random }) => {
        const delay = make({ baseMs, maxMs: baseMs + moreMs }).delayMs({ retry, previousMs: undefined, random: () => random })
        expect(delay).toBeGreaterThanOrEqual(0)
        expect(delay).toBeLessThanOrEqual(baseMs + moreMs)
      }),
      SEEDED,
    )
  })
})
