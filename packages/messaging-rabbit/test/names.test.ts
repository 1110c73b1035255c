import { describe, expect, it } from '@jest/globals'
import { fitsName, groupKey, hasWildcard, queueOf } from '../src/names.ts'

describe('names', () => {
  it('keeps groups and topics apart', () => {
    expect(queueOf('order.created', 'billing')).toBe('order.created@billing')
    expect(groupKey('my.service', 'order.created')).toBe('my/service.order.created')
    expect(groupKey('a.b', 'c')).not.toBe(groupKey('a', 'b.c'))
  })

  it('tells wildcards from words, and what AMQP has room for', () => {
    expect([hasWildcard('a.*'), hasWildcard('#'), hasWildcard('a*.b#')]).toEqual([true, true, false])
    expect([fitsName('x'.repeat(255)), fitsName('ü'.repeat(128))]).toEqual([true, false])
  })
})
