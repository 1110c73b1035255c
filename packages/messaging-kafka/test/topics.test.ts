import { describe, expect, it } from '@jest/globals'
import { checkNames, partFor, partsOf } from '../src/topics.ts'

describe('the topics of a topic', () => {
  it('a group reads the topic, what is for it alone, and what waits, by the length of the wait', () => {
    expect(partsOf('order.created', 'billing').map(({ name }) => name)).toEqual([
      'order.created',
      'order.created.delay-10s',
      'order.created.delay-10m',
      'order.created.delay-1d',
      'order.created.for-billing',
      'order.created.for-billing.delay-10s',
      'order.created.for-billing.delay-10m',
      'order.created.for-billing.delay-1d',
    ])
    expect(partsOf('order.created')).toHaveLength(4)
  })

  it.each([
    [0, 'a'],
    [-5, 'a'],
    [1, 'a.delay-10s'],
    [10_000, 'a.delay-10s'],
    [10_001, 'a.delay-10m'],
    [600_001, 'a.delay-1d'],
    [30 * 86_400_000, 'a.delay-1d'],
  ])('a wait of %d ms is in %s', (delayMs, name) => {
    expect(partFor('a', undefined, delayMs).name).toBe(name)
  })

  it('gives the records of each a prefix of their own', () => {
    const prefixes = partsOf('a', 'g').map(({ prefix }) => prefix)
    expect(new Set(prefixes).size).toBe(8)
    expect(prefixes[0]).toBe('')
  })

  it.each([
    ['order.created', true],
    ['A-b_9', true],
    ['', false],
    ['.', false],
    ['..', false],
    ['order/created', false],
    ['größe', false],
    ['order.*', false],
    ['x'.repeat(249), true],
    ['x'.repeat(250), false],
  ])('%s may be a name: %s', (name, expected) => {
    const check = (): void => checkNames([partFor(name, undefined, 0)])
    if (expected) expect(check).not.toThrow()
    else expect(check).toThrow(/must make names that Kafka allows/)
  })
})
