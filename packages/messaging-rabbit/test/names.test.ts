import { describe, expect, it } from '@jest/globals'
import { checkNames, fitsName, queueOf, routingKeyOf } from '../src/names.ts'

describe('names', () => {
  it('keeps groups and topics apart', () => {
    expect(queueOf('order.created', 'billing')).toBe('order.created@billing')
    expect(routingKeyOf({ group: 'my.service', topic: 'order.created' })).toBe('my/service.order.created')
    expect(routingKeyOf({ group: 'a.b', topic: 'c' })).not.toBe(routingKeyOf({ group: 'a', topic: 'b.c' }))
  })

  it('knows what AMQP has room for', () => {
    expect([fitsName('x'.repeat(255)), fitsName('ü'.repeat(128))]).toEqual([true, false])
  })

  it.each([['a.*'], ['#']])('takes %s for a pattern only where it is said to be one', (topic) => {
    const request = { topics: [topic, 'a*.b#'], maxUnsettled: 1, lanes: 'none' } as const
    expect(() => checkNames({ ...request, pattern: true })).not.toThrow()
    expect(() => checkNames(request)).toThrow(`topic must be without the words * and #, unless pattern is true, got '${topic}'`)
    expect(() => checkNames({ ...request, topics: ['a*.b#'] })).not.toThrow()
  })
})
