import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { delayTier } from '../src/delay-tier.ts'

describe('delayTier', () => {
  it.each([
    [1, 125],
    [125, 125],
    [250, 250],
    [300, 250],
    [450, 500],
    [1000, 1000],
    [1100, 1000],
    [7500, 8000],
    [60_000, 64_000],
  ])('%d ms wait in the tier of %d ms', (remainingMs, tier) => {
    expect(delayTier(remainingMs)).toBe(tier)
  })

  it('is late by an eighth or 125 ms at most, and reaches any delay in few steps', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 32 }), (delayMs) => {
        let remaining = delayMs
        let steps = 0
        while (remaining > 0) {
          remaining -= delayTier(remaining)
          steps++
        }
        expect(-remaining).toBeLessThanOrEqual(Math.max(125, delayMs / 8))
        expect(steps).toBeLessThanOrEqual(26)
      }),
    )
  })

  it('has no tier longer than a TTL of RabbitMQ can be', () => {
    expect(delayTier(Number.MAX_SAFE_INTEGER)).toBeLessThan(2 ** 32)
  })
})
