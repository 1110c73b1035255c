import { describe, expect, it } from '@jest/globals'
import { fitsName, groupKey, hasWildcard, matchesTopic, queueOf } from '../src/names.ts'

describe('names', () => {
  it('keeps groups and topics apart', () => {
    expect(queueOf('order.created', 'billing')).toBe('order.created@billing')
    expect(groupKey('my.service', 'order.created')).toBe('my/service.order.created')
    expect(groupKey('a.b', 'c')).not.toBe(groupKey('a', 'b.c'))
  })

  it.each([
    ['order.*', 'order.created', true],
    ['order.*', 'order', false],
    ['order.*', 'order.created.eu', false],
    ['order.#', 'order', true],
    ['order.#', 'order.created.eu', true],
    ['#.eu', 'order.created.eu', true],
    ['#.eu', 'order.eu.us', false],
    ['*.#.eu', 'a.eu', true],
    ['*.#.eu', 'eu', false],
    ['order.created', 'order.created', true],
  ])('%s routes %s: %s', (pattern, topic, expected) => {
    expect(matchesTopic(pattern, topic)).toBe(expected)
  })

  it('tells wildcards from words, and what AMQP has room for', () => {
    expect([hasWildcard('a.*'), hasWildcard('#'), hasWildcard('a*.b#')]).toEqual([true, true, false])
    expect([fitsName('x'.repeat(255)), fitsName('ü'.repeat(128))]).toEqual([true, false])
  })
})
