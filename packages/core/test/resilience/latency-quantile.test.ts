import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { LatencyQuantile } from '../../src/resilience/latency-quantile.ts'
import { SEEDED } from './support.ts'

describe('LatencyQuantile', () => {
  it('says 0 while it knows nothing', () => {
    expect(new LatencyQuantile(10).quantile(0.5)).toBe(0)
  })

  it('says what a share of the last latencies did not exceed, at most a tenth too high', () => {
    const latency = fc.oneof(fc.double({ min: 0.2, max: 1e6, noNaN: true }), fc.integer({ min: 1, max: 20 }))
    const share = fc.double({ min: 0.01, max: 1, noNaN: true })
    fc.assert(
      fc.property(fc.array(latency, { minLength: 1, maxLength: 80 }), fc.integer({ min: 1, max: 30 }), share, (all, size, q) => {
        const quantile = new LatencyQuantile(size)
        for (const ms of all) quantile.record(ms)
        const last = all.slice(-size).toSorted((one, other) => one - other)
        const exact = last[Math.ceil(q * last.length) - 1]!
        expect(quantile.calls).toBe(last.length)
        expect(quantile.quantile(q)).toBeGreaterThanOrEqual(exact * 0.999999)
        expect(quantile.quantile(q)).toBeLessThanOrEqual(exact * 1.1001)
      }),
      SEEDED,
    )
  })

  it('takes anything that is not a time for the shortest', () => {
    const quantile = new LatencyQuantile(10)
    for (const ms of [Number.NaN, -5, 0]) quantile.record(ms)
    expect(quantile.quantile(1)).toBeCloseTo(0.1)
    quantile.record(Number.POSITIVE_INFINITY)
    expect(quantile.quantile(1)).toBeGreaterThan(1e6)
  })
})
