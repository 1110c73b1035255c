import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { type BreakerWindow, ConsecutiveWindow, CountWindow, TimeWindow } from '../../src/resilience/breaker-window.ts'
import { SEEDED } from './support.ts'

interface Outcome {
  readonly failed: boolean
  readonly slow: boolean
  readonly afterMs: number
}

const outcomes = fc.array(
  fc.record({
    failed: fc.boolean(),
    slow: fc.boolean(),
    afterMs: fc.oneof(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 400 })),
  }),
  { maxLength: 80 },
)

const totals = ({ calls, failures, slow }: BreakerWindow) => ({ calls, failures, slow })

function count(window: readonly Outcome[]): { calls: number; failures: number; slow: number } {
  return {
    calls: window.length,
    failures: window.filter(({ failed }) => failed).length,
    slow: window.filter(({ slow }) => slow).length,
  }
}

describe('the breaker windows count what a naive list of outcomes does', () => {
  it('the last n calls', () => {
    fc.assert(
      fc.property(outcomes, fc.integer({ min: 1, max: 20 }), (all, size) => {
        const window = new CountWindow(size)
        all.forEach(({ failed, slow }, index) => {
          window.record(failed, slow)
          expect(totals(window)).toEqual(count(all.slice(Math.max(0, index + 1 - size), index + 1)))
        })
        window.reset()
        expect(totals(window)).toEqual({ calls: 0, failures: 0, slow: 0 })
      }),
      SEEDED,
    )
  })

  it('the last milliseconds, in tenths of the window', () => {
    fc.assert(
      fc.property(outcomes, fc.integer({ min: 1, max: 200 }), (all, ms) => {
        const window = new TimeWindow(ms)
        const bucketOf = (at: number): number => Math.floor(at / (ms / 10))
        const seen: (Outcome & { readonly at: number })[] = []
        let now = 0
        for (const outcome of all) {
          now += outcome.afterMs
          seen.push({ ...outcome, at: now })
          window.record(outcome.failed, outcome.slow, now)
          expect(totals(window)).toEqual(count(seen.filter(({ at }) => bucketOf(at) > bucketOf(now) - 10)))
          expect(window.calls).toBeLessThanOrEqual(seen.filter(({ at }) => now - at < ms).length)
          expect(window.calls).toBeGreaterThanOrEqual(seen.filter(({ at }) => now - at < ms * 0.89).length)
        }
        window.reset()
        expect(totals(window)).toEqual({ calls: 0, failures: 0, slow: 0 })
      }),
      SEEDED,
    )
  })

  it('those in a row', () => {
    fc.assert(
      fc.property(outcomes, (all) => {
        const window = new ConsecutiveWindow()
        const inARow = (upTo: number, is: (outcome: Outcome) => boolean): number =>
          upTo - all.slice(0, upTo).findLastIndex((outcome) => !is(outcome)) - 1
        all.forEach(({ failed, slow }, index) => {
          window.record(failed, slow)
          expect(window.failures).toBe(inARow(index + 1, (outcome) => outcome.failed))
          expect(window.slow).toBe(inARow(index + 1, (outcome) => outcome.slow))
        })
      }),
      SEEDED,
    )
  })

  it('a clock that goes back records in the newest tenth', () => {
    const window = new TimeWindow(100)
    window.record(true, false, 1000)
    window.record(true, false, 10)
    expect(totals(window)).toEqual({ calls: 2, failures: 2, slow: 0 })
  })
})
