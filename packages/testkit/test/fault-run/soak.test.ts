import { describe, expect, it } from '@jest/globals'
import { SOAK_RUNS, selectRuns } from '../../src/soak/runs.ts'

describe('selectRuns', () => {
  it('takes those that have the word as a word', () => {
    expect(selectRuns(undefined, undefined)).toEqual(SOAK_RUNS)
    expect(selectRuns('memory', undefined)).toEqual([
      'memory --messages 50000 --schedule all',
      'memory --messages 50000 --schedule all --ordered',
      'delay memory --messages 5000',
    ])
    expect(selectRuns('outage', undefined)).toHaveLength(6)
    expect(selectRuns('redis', undefined)).toEqual([])
  })

  it('gives the seed to those that are drawn by one', () => {
    expect(selectRuns('memory', '7')).toEqual([
      'memory --messages 50000 --schedule all --seed 7',
      'memory --messages 50000 --schedule all --ordered --seed 7',
      'delay memory --messages 5000',
    ])
  })
})
