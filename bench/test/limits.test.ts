import { describe, expect, it } from '@jest/globals'
import type { Case } from '../src/area.ts'
import { checkLimits } from '../src/limits.ts'
import { median } from '../src/statistics.ts'

const row = { nsPerOp: 1, cpuUsPerOp: 1, opsPerS: 1 }
const measured: Case = {
  work: 'play',
  baseline: 'bare',
  inFlight: 1,
  processes: 1,
  rounds: 7,
  cost: 'cpu',
  rows: [
    { ...row, contender: 'bare', ratioToBaseline: 1 },
    { ...row, contender: 'peer', ratioToBaseline: 80, opsPerS: 4, cpuUsPerOp: 0.04 },
    { ...row, contender: '@comm/core', ratioToBaseline: 4, bytesPerOp: 1800, cpuUsPerOp: 1.001 },
  ],
}

describe('limits', () => {
  it.each([
    [
      { contender: '@comm/core', atMost: 1 / 14, timesOf: 'peer' },
      true,
      '@comm/core costs 0.0500 of peer, at most 0.0714 allowed',
    ],
    [{ contender: '@comm/core', atMost: 3.9, timesOf: 'bare' }, false, '@comm/core costs 4.00 of bare, at most 3.90 allowed'],
    [
      { contender: 'peer', atLeast: 4, rateOf: 'bare' },
      true,
      'peer does 4.00 of the operations that bare does per second, at least 4.00 wanted',
    ],
    [
      { contender: '@comm/core', atLeast: 0.95, rateOf: 'peer' },
      false,
      '@comm/core does 0.250 of the operations that peer does per second, at least 0.950 wanted',
    ],
    [{ contender: '@comm/core', atMostBytes: 1900 }, true, '@comm/core allocates 1800 bytes per operation, at most 1900 allowed'],
    [
      { contender: '@comm/core', over: 'bare', atMostShare: 0.029, of: 'peer' },
      true,
      '@comm/core adds 1 ns, 2.5 % of peer, at most 2.9 % allowed',
    ],
    [
      { contender: '@comm/core', over: 'bare', atMostShare: 0.024, of: 'peer' },
      false,
      '@comm/core adds 1 ns, 2.5 % of peer, at most 2.4 % allowed',
    ],
    [
      { contender: '@comm/core', atMostBytes: 1799 },
      false,
      '@comm/core allocates 1800 bytes per operation, at most 1799 allowed',
    ],
  ])('%j', (limit, kept, text) => {
    expect(checkLimits(measured, [limit])).toEqual([{ kept, text }])
  })

  it('refuses a limit of bytes that were not measured', () => {
    expect(() => checkLimits(measured, [{ contender: 'bare', atMostBytes: 1900 }])).toThrow(
      "work 'play' limits bytes but does not measure them: set bytes: true",
    )
  })

  it.each([
    [[10, 13, 17, 21], 1.5, true, 'a step from 1 to 4 costs 1.00 of the average step, at most 1.50 allowed'],
    [[10, 13, 16, 43], 1.5, false, 'a step from 8 to 12 costs 2.25 of the average step, at most 1.50 allowed'],
  ])('a row of steps that cost %j', ([one = 0, four = 0, eight = 0, twelve = 0], atMost, kept, text) => {
    const costs = { 1: one, 4: four, 8: eight, 12: twelve }
    const rows = Object.entries(costs).map(([contender, ratioToBaseline]) => ({ ...row, contender, ratioToBaseline }))
    const steps = [1, 4, 8, 12].map((count) => [String(count), count] as const)
    expect(checkLimits({ ...measured, rows }, [{ steps, atMost }])).toEqual([{ kept, text }])
  })

  it('refuses a row that is none', () => {
    expect(() => checkLimits(measured, [{ steps: [['bare', 1]], atMost: 2 }])).toThrow(
      "a limit of work 'play' needs a row of contenders with more and more steps",
    )
  })

  it.each([
    { contender: 'bear', atMost: 1, timesOf: 'bare' },
    { contender: 'bare', atMost: 1, timesOf: 'bear' },
    { contender: 'bare', atLeast: 1, rateOf: 'bear' },
  ])('refuses a limit for nobody: %j', (limit) => {
    expect(() => checkLimits(measured, [limit])).toThrow("a limit of work 'play' names bear, which is no contender of it")
  })
})

describe('median', () => {
  it.each([
    [[5], 5],
    [[9, 1, 5], 5],
    [[4, 1, 3, 2], 2.5],
  ])('%j is %d', (values, expected) => {
    expect(median(values)).toBe(expected)
  })

  it('of nothing is refused', () => {
    expect(() => median([])).toThrow('a median needs at least one value, got none')
  })
})
