import { describe, expect, it } from '@jest/globals'
import { FAULT_KINDS } from '../../src/fault-run/options.ts'
import { drawSchedule } from '../../src/fault-run/schedule.ts'

describe('drawSchedule', () => {
  it('is the same for the same seed, another for another', () => {
    const run = { schedule: 'all', messages: 5000 } as const
    expect(drawSchedule({ ...run, seed: 1 })).toEqual(drawSchedule({ ...run, seed: 1 }))
    expect(drawSchedule({ ...run, seed: 1 })).not.toEqual(drawSchedule({ ...run, seed: 2 }))
  })

  it('has every kind once, twice in a long run', () => {
    const kinds = (messages: number) => drawSchedule({ schedule: 'all', messages, seed: 3 }).map(({ fault }) => fault.kind)
    expect(kinds(500).toSorted()).toEqual([...FAULT_KINDS].toSorted())
    expect(kinds(50_000).toSorted()).toEqual([...FAULT_KINDS, ...FAULT_KINDS].toSorted())
  })

  it('lets each fault find messages under way: some before it and some held back behind it', () => {
    let begin = 0
    for (const { fault, end } of drawSchedule({ schedule: 'kill', messages: 50_000, seed: 4 })) {
      expect(fault.after).toBeGreaterThan(begin)
      expect(fault.after).toBeLessThan(end)
      begin = end
    }
    expect(begin).toBe(45_000)
  })

  it('is brief in a brief run', () => {
    const longest = (messages: number) =>
      Math.max(...drawSchedule({ schedule: 'all', messages, seed: 5 }).map(({ fault }) => fault.forMs))
    expect(longest(500)).toBeLessThanOrEqual(750)
    expect(longest(5000)).toBeGreaterThan(750)
  })
})
