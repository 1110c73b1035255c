import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { type Claimant, share } from '../src/sticky-assigner.ts'

const of = (partitions: readonly number[]) => partitions.map((partition) => ({ topic: 't', partition }))
const member = (memberId: string, owned: readonly number[] = [], busy: readonly number[] = [], isLeaving = false): Claimant => ({
  memberId,
  claims: { owned: of(owned), busy: of(busy), isLeaving },
})
const shared = (partitions: readonly number[], ...members: readonly Claimant[]) =>
  Object.fromEntries(share('t', partitions, members, new Map()))

describe('sharing the partitions of a topic', () => {
  it.each<[string, readonly Claimant[], object]>([
    ['all are new', [member('a'), member('b')], { 0: 'a', 1: 'b', 2: 'a' }],
    ['one joins: who was there keeps its share', [member('a', [0, 1, 2]), member('b')], { 0: 'a', 1: 'a', 2: 'b' }],
    ['what is being handled stays', [member('a', [0, 1, 2], [2]), member('b'), member('c')], { 0: 'b', 1: 'c', 2: 'a' }],
    [
      'one leaves: it keeps only what it is busy with',
      [member('a', [0, 1, 2], [1], true), member('b')],
      { 0: 'b', 1: 'a', 2: 'b' },
    ],
    ['all leave', [member('a', [0], [], true)], { 0: 'a', 1: 'a', 2: 'a' }],
    ['two claim the same', [member('a', [0, 1], [0]), member('b', [0, 1], [0])], { 0: 'a', 1: 'a', 2: 'b' }],
  ])('%s', (_, members, expected) => {
    const owners = shared([0, 1, 2], ...members)
    expect(Object.keys(owners)).toEqual(['0', '1', '2'])
    expect(owners).toEqual(expected)
  })

  it('spreads topics of one partition each', () => {
    const load = new Map<string, number>()
    const members = [member('a'), member('b'), member('c')]
    const owners = ['t1', 't2', 't3', 't4'].map((topic) => share(topic, [0], members, load).get(0))
    expect(new Set(owners.slice(0, 3)).size).toBe(3)
  })

  it('gives every partition to one member, busy ones to who is busy, and to nobody more than a share beyond that', () => {
    const claims = fc.record({ owned: fc.uniqueArray(fc.nat(9)), busy: fc.uniqueArray(fc.nat(9), { maxLength: 3 }) })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10 }), fc.array(claims, { minLength: 1, maxLength: 5 }), (count, all) => {
        const partitions = Array.from({ length: count }, (_, partition) => partition)
        const taken = new Set<number>()
        const members = all.map(({ owned, busy }, index) => {
          const mine = busy.filter((each) => each < count && !taken.has(each))
          for (const each of mine) taken.add(each)
          return member(`m${index}`, [...owned, ...mine], mine)
        })
        const owners = share('t', partitions, members, new Map())
        expect([...owners.keys()].toSorted((a, b) => a - b)).toEqual(partitions)
        for (const { memberId, claims } of members) {
          for (const { partition } of claims.busy) expect(owners.get(partition)).toBe(memberId)
          const most = Math.max(claims.busy.length, Math.ceil(count / members.length))
          expect([...owners.values()].filter((owner) => owner === memberId).length).toBeLessThanOrEqual(most)
        }
      }),
    )
  })
})
