import { describe, expect, it } from '@jest/globals'
import { SOAK_RUNS, selectRuns } from '../../src/soak/runs.ts'

describe('selectRuns', () => {
  it('takes those that have the word as a word', () => {
    expect(selectRuns(undefined, undefined)).toEqual(SOAK_RUNS)
    expect(selectRuns('memory', undefined)).toEqual([
      'faults memory --messages 50000 --schedule all',
      'faults memory --messages 50000 --schedule all --ordered',
      'faults delay memory --messages 5000',
    ])
    expect(selectRuns('outage', undefined)).toHaveLength(6)
    expect(selectRuns('discovery', undefined)).toHaveLength(3)
    expect(selectRuns('leak', undefined)).toEqual(['leak got', 'leak undici'])
    expect(selectRuns('stream', undefined)).toEqual(['stream gateway'])
    expect(selectRuns('fault', undefined)).toEqual([])
  })

  it('gives the seed to those that are drawn by one', () => {
    expect(selectRuns('memory', '7')).toEqual([
      'faults memory --messages 50000 --schedule all --seed 7',
      'faults memory --messages 50000 --schedule all --ordered --seed 7',
      'faults delay memory --messages 5000',
    ])
  })
})
