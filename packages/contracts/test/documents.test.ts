import { Parser } from '@asyncapi/parser'
import { asyncApi, contract, noBody, openApi, route } from '@comm/contracts'
import { MemoryBroker, type MessageInfo, topic } from '@comm/messaging'
import { describe, expect, it } from '@jest/globals'
import { validate as validateByReadme } from '@readme/openapi-parser'
import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv } from 'ajv'
import { z } from 'zod'

const address = z.object({ street: z.string(), country: z.string().length(2) }).meta({ title: 'Address' })
// Contains itself: its references must lead somewhere from within the document.
const category = z.object({
  name: z.string(),
  get parent() {
    return category.optional()
  },
})

const shop = contract({
  title: 'shop',
  version: '2.1.0',
  description: 'Sells things.',
  sends: [
    topic('order.created', z.object({ id: z.string(), at: z.iso.datetime(), shipTo: address, note: z.string().nullable() })),
    topic('category.changed', category),
  ],
  receives: [topic('payment.taken', z.object({ orderId: z.string(), amount: z.number().positive().default(1) }))],
  routes: [
    route({
      id: 'listOrders',
      method: 'GET',
      path: '/customers/:customer/orders',
      summary: 'Lists orders',
      tags: ['orders'],
      params: z.object({ customer: z.string().describe('Who ordered') }),
      query: z.object({ limit: z.coerce.number().int().max(100).optional(), state: z.enum(['open', 'done']) }),
      answers: { 200: z.array(z.object({ id: z.string(), shipTo: address })) },
      problems: { 404: 'There is no such customer' },
    }),
    route({
      id: 'placeOrder',
      method: 'POST',
      path: '/orders',
      body: z.object({ shipTo: address, category }),
      answers: { 201: z.object({ id: z.string() }), 204: noBody },
    }),
    route({ id: 'cancelOrder', method: 'DELETE', path: '/orders/:id', answers: { 204: noBody } }),
  ],
})

describe('the AsyncAPI document', () => {
  const document = asyncApi(shop)

  it('is accepted by the parser of AsyncAPI', async () => {
    const { document: parsed, diagnostics } = await new Parser().parse(JSON.stringify(document))
    expect(diagnostics.filter(({ severity }) => severity === 0)).toEqual([])
    expect(parsed?.version()).toBe('3.0.0')
    const operations = parsed?.operations().all() ?? []
    expect(operations.map((each) => `${each.action()} ${each.channels().all()[0]?.address()}`)).toEqual([
      'send order.created',
      'send category.changed',
      'receive payment.taken',
    ])
    expect(operations[0]?.messages().all()[0]?.payload()?.properties()).toHaveProperty('shipTo')
  })

  it('has what is on the wire: a field with a default need not be sent', () => {
    expect(document).toMatchObject({ components: { schemas: { 'payment.taken': { required: ['orderId'] } } } })
  })

  it('has the headers: all that a message of ours bears, and none that one of others must', async () => {
    const { document: parsed } = await new Parser().parse(JSON.stringify(document))
    const [created, , taken] = parsed?.operations().all() ?? []
    const [ours, others] = [created?.messages().all()[0], taken?.messages().all()[0]]
    expect(ours?.correlationId()?.location()).toBe('$message.header#/ce_correlationid')
    expect(Object.keys(others?.headers()?.properties() ?? {})).toEqual(Object.keys(ours?.headers()?.properties() ?? {}))
    expect(others?.headers()?.required()).toBeUndefined()

    await using broker = new MemoryBroker()
    const told = Promise.withResolvers<MessageInfo['headers']>()
    await broker.subscribe('order.created', (_order, { headers }) => told.resolve(headers))
    await broker.publish('order.created', { id: '7' }, { key: 'a', subject: 'x', expiresAt: Date.now() + 60_000 })
    const validator = new Ajv({ strict: false, formats: { 'date-time': true } }).addSchema(document, 'document')
    const isSent = validator.getSchema('document#/components/schemas/SentHeaders')
    expect(isSent?.(await told.promise)).toBe(true)
    expect(isSent?.({ ce_id: '7' })).toBe(false)
  })

  it('is not accepted when it is broken', async () => {
    const { diagnostics } = await new Parser().parse(JSON.stringify({ ...document, operations: { x: { action: 'shout' } } }))
    expect(diagnostics.filter(({ severity }) => severity === 0)).not.toEqual([])
  })
})

describe('the OpenAPI document', () => {
  const document = openApi(shop)
  const copy = (): never => structuredClone(document) as never

  it('is accepted by two validators', async () => {
    expect(await validateByReadme(copy())).toMatchObject({ valid: true, warnings: [] })
    expect(await new Validator().validate(copy())).toMatchObject({ valid: true })
  })

  it('is not accepted by them when it is broken', async () => {
    const broken = { ...document, paths: { '/x': { get: { responses: { 200: {} } } } } }
    expect(await validateByReadme(structuredClone(broken) as never)).toMatchObject({ valid: false })
    expect(await new Validator().validate(structuredClone(broken))).toMatchObject({ valid: false })
  })

  it('has parameters, bodies and answers, and the problem of any failure', () => {
    expect(document).toMatchObject({
      openapi: '3.1.0',
      paths: {
        '/customers/{customer}/orders': {
          get: {
            operationId: 'listOrders',
            parameters: [
              { name: 'customer', in: 'path', required: true, description: 'Who ordered' },
              { name: 'limit', in: 'query', required: false },
              { name: 'state', in: 'query', required: true, schema: { enum: ['open', 'done'] } },
            ],
            responses: {
              200: { content: { 'application/json': { schema: { $ref: '#/components/schemas/listOrders.200' } } } },
              404: { description: 'There is no such customer' },
              default: { content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } } },
            },
          },
        },
        '/orders/{id}': {
          delete: { parameters: [{ name: 'id', in: 'path' }], responses: { 204: { description: 'No Content' } } },
        },
      },
    })
    expect(document).not.toHaveProperty('paths./orders/{id}.delete.responses.204.content')
  })
})
