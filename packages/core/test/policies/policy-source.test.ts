import { followPolicies, retry, type Stage, timeout } from '@comm/core'
import { describe, expect, it } from '@jest/globals'

describe('policies that change', () => {
  it('are made into something once, and again when they are others', () => {
    let policies: readonly Stage[] = [retry()]
    const made: (readonly Stage[])[] = []
    const current = followPolicies(
      () => policies,
      (given) => {
        made.push(given)
        return given.map(({ name }) => name).join()
      },
    )
    expect([current(), current()]).toEqual(['retry', 'retry'])
    policies = [retry(), timeout({ ms: 100 })]
    expect([current(), current()]).toEqual(['retry,timeout', 'retry,timeout'])
    expect(made.length).toBe(2)
  })

  it('that nothing can be made of are refused at the beginning, and whenever they come', () => {
    const make = (policies: readonly Stage[]): number => {
      if (policies.length > 1) throw new TypeError('too many')
      return policies.length
    }
    expect(() => followPolicies([retry(), retry()], make)).toThrow('too many')
    let policies: readonly Stage[] = [retry()]
    const current = followPolicies(() => policies, make)
    policies = [retry(), retry()]
    expect(current).toThrow('too many')
    expect(current).toThrow('too many')
    policies = []
    expect(current()).toBe(0)
  })
})
