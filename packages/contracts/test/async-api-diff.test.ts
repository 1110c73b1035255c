import { asyncApi, breakingChanges, contract, type ServiceContract } from '@comm/contracts'
import { topic } from '@comm/messaging'
import { describe, expect, it } from '@jest/globals'
import { z } from 'zod'

const created = (fields: z.ZodRawShape) => topic('order.created', z.object(fields))
const document = (parts: Partial<ServiceContract>) => asyncApi(contract({ title: 'shop', version: '1', ...parts }))
const lines = (before: Partial<ServiceContract>, after: Partial<ServiceContract>) =>
  breakingChanges(document(before), document(after)).map(({ rule, at, message }) => `${rule}: ${at} ${message}`)

const AT = 'order.created payload'

describe('what is sent', () => {
  const sends = (fields: z.ZodRawShape) => ({ sends: [created(fields)] })

  it.each<[string, z.ZodRawShape, z.ZodRawShape, string[]]>([
    ['a property may be missing', { a: z.string() }, { a: z.string().optional() }, [`out-required: send ${AT} may now lack 'a'`]],
    ['a property is gone', { a: z.string() }, {}, [`out-required: send ${AT} may now lack 'a'`]],
    ['another type', { a: z.string() }, { a: z.number() }, [`out-type: send ${AT} /a may now be number`]],
    ['a value is new', { a: z.enum(['x']) }, { a: z.enum(['x', 'y']) }, [`out-value: send ${AT} /a may now be "y"`]],
    ['a property more', { a: z.string() }, { a: z.string(), b: z.string() }, []],
    ['a value less', { a: z.enum(['x', 'y']) }, { a: z.enum(['x']) }, []],
  ])('%s', (_, before, after, expected) => expect(lines(sends(before), sends(after))).toEqual(expected))
})

describe('what is received', () => {
  const receives = (fields: z.ZodRawShape) => ({ receives: [created(fields)] })

  it.each<[string, z.ZodRawShape, z.ZodRawShape, string[]]>([
    [
      'a property must be there',
      { a: z.string() },
      { a: z.string(), b: z.string() },
      [`in-required: receive ${AT} must now have 'b'`],
    ],
    ['a narrower type', { a: z.string().nullable() }, { a: z.string() }, [`in-type: receive ${AT} /a may no longer be null`]],
    ['a value less', { a: z.enum(['x', 'y']) }, { a: z.enum(['x']) }, [`in-value: receive ${AT} /a may no longer be "y"`]],
    ['a property with a default', { a: z.string() }, { a: z.string(), b: z.string().default('') }, []],
    ['a value more', { a: z.enum(['x']) }, { a: z.enum(['x', 'y']) }, []],
  ])('%s', (_, before, after, expected) => expect(lines(receives(before), receives(after))).toEqual(expected))
})

it('finds topics that are gone, and those that are only sent or received any more', () => {
  const both = { sends: [created({})], receives: [created({}), topic('payment.taken', z.string())] }
  expect(lines(both, { receives: [created({})] })).toEqual([
    'channel-removed: payment.taken is gone',
    'operation-removed: send order.created is gone',
  ])
  expect(lines({}, both)).toEqual([])
})

it('reads documents that others have written', () => {
  const theirs = (payload: object, message: object = {}) => ({
    asyncapi: '3.1.0',
    channels: { orders: { address: 'shop/orders', messages: { placed: { $ref: '#/components/messages/Placed' } } } },
    operations: { hear: { action: 'receive', channel: { $ref: '#/channels/orders' } } },
    components: { messages: { Placed: { payload, ...message } } },
  })
  const format = 'application/schema+json;version=draft-07'
  const [before, after] = [theirs({ type: 'string' }), theirs({ schemaFormat: format, schema: { type: 'number' } })]
  expect(breakingChanges(before, after)).toEqual([
    { rule: 'in-type', at: 'receive shop/orders payload', message: 'may no longer be string' },
  ])
  const json = theirs({}, { contentType: 'application/json' })
  expect(breakingChanges(json, theirs({}, { contentType: 'application/xml' }))).toEqual([
    { rule: 'content-type', at: 'receive shop/orders', message: 'is application/xml now, was application/json' },
  ])
})
