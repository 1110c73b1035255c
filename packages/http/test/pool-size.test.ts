import { poolSize } from '@comm/http'
import { describe, expect, it } from '@jest/globals'

describe('poolSize', () => {
  it.each([
    [{ requestsPerSecond: 200, latencyMs: 50 }, 15],
    [{ requestsPerSecond: 200, latencyMs: 50, headroom: 0 }, 10],
    [{ requestsPerSecond: 201, latencyMs: 50, headroom: 0 }, 11],
    [{ requestsPerSecond: 1000, latencyMs: 100, headroom: 0.1 }, 110],
    [{ requestsPerSecond: 1000, latencyMs: 100, headroom: 0, instances: 3 }, 34],
    [{ requestsPerSecond: 1, latencyMs: 1 }, 1],
  ])('%j is %i', (options, expected) => {
    expect(poolSize(options)).toBe(expected)
  })

  it('names what is wrong', () => {
    expect(() => poolSize({ requestsPerSecond: 0, latencyMs: 5 })).toThrow(
      'poolSize.requestsPerSecond must be a finite number > 0, got 0',
    )
    expect(() => poolSize({ requestsPerSecond: 1 } as never)).toThrow(
      'poolSize.latencyMs must be a finite number > 0, got nothing',
    )
  })
})
