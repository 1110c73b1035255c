import { createGateway, type Gateway, type OpenApiDocument } from '@comm/gateway'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { echo, gatewayFor, type Seen, service, type TestService } from './support/services.ts'

const ORDERS: OpenApiDocument = {
  openapi: '3.0.3',
  servers: [{ url: 'https://api.example.com/v1' }],
  paths: {
    '/orders/{id}': {
      parameters: [{ $ref: '#/components/parameters/Id' }],
      get: {
        parameters: [
          { name: 'page', in: 'query', schema: { type: 'integer', minimum: 1 } },
          {
            name: 'tags',
            in: 'query',
            style: 'form',
            explode: false,
            schema: { type: 'array', items: { enum: ['new', 'paid'] } },
          },
          {
            name: 'size',
            in: 'query',
            style: 'deepObject',
            schema: { type: 'object', properties: { width: { type: 'integer' } } },
          },
          { name: 'filter', in: 'query', content: { 'application/json': { schema: { type: 'object', required: ['by'] } } } },
          { name: 'X-Tenant', in: 'header', required: true, schema: { type: 'string', format: 'uuid' } },
          { name: 'Authorization', in: 'header', required: true, schema: { type: 'string' } },
          { name: 'theme', in: 'cookie', schema: { enum: ['dark', 'light'] } },
        ],
        responses: {},
      },
      put: { requestBody: { $ref: '#/components/requestBodies/Order' }, responses: {} },
    },
    '/orders/mine': { get: { responses: {} } },
    '/orders': {
      post: {
        requestBody: {
          content: {
            'application/x-www-form-urlencoded': { schema: { $ref: '#/components/schemas/Order' } },
            'image/*': { schema: { type: 'string', format: 'binary' } },
          },
        },
        responses: {},
      },
    },
  },
  components: {
    parameters: { Id: { name: 'id', in: 'path', required: true, schema: { type: 'integer' } } },
    requestBodies: {
      Order: { required: true, content: { 'application/json': { schema: { $ref: '#/components/schemas/Order' } } } },
    },
    schemas: {
      Order: {
        type: 'object',
        required: ['id', 'amount', 'items'],
        properties: {
          id: { $ref: '#/components/schemas/Id' },
          amount: { type: 'number', minimum: 0, exclusiveMinimum: true },
          note: { type: 'string', nullable: true, enum: ['gift'] },
          items: { type: 'array', items: { $ref: '#/components/schemas/Item' } },
        },
      },
      Id: { type: 'integer', readOnly: true },
      Item: { type: 'object', required: ['sku'], additionalProperties: false, properties: { sku: { type: 'string' } } },
    },
  },
}

interface Problem {
  readonly status: number
  readonly code: string
  readonly detail: string
  readonly issues?: readonly { readonly path: string; readonly message: string }[]
}

const TENANT = { 'x-tenant': '6f4f5c2e-1c0e-4f5e-9d3b-0d6f0a7c1b2d' }
let orders: TestService
let gateway: Gateway

beforeAll(async () => {
  orders = await service(echo)
  gateway = await gatewayFor({
    services: { orders: { url: orders.url, path: false } },
    routes: [
      { path: '/shop/*', service: 'orders', rewrite: '/v1/*', validate: { openapi: { document: ORDERS } } },
      { path: '/loose/*', service: 'orders', rewrite: '/v1/*', validate: { openapi: { document: ORDERS, unknown: 'pass' } } },
    ],
  })
})

afterAll(async () => {
  await gateway.stop()
  await orders[Symbol.asyncDispose]()
})

function ask(path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(gateway.url + path, { ...init, headers: { ...TENANT, ...(init.headers as Record<string, string>) } })
}

async function problem(answer: Response): Promise<Problem> {
  expect(answer.headers.get('content-type')).toContain('application/problem+json')
  return (await answer.json()) as Problem
}

async function issues(path: string, init?: RequestInit): Promise<readonly string[]> {
  const { status, code, issues: found = [] } = await problem(await ask(path, init))
  expect([status, code]).toEqual([400, 'COMM_VALIDATION'])
  return found.map(({ path: at, message }) => `${at} ${message}`)
}

describe('requests that an OpenAPI document describes', () => {
  it('go on as they are when they are right', async () => {
    const answer = await ask('/shop/orders/7?page=2&tags=new,paid&size[width]=3&filter={"by":"day"}', {
      headers: { cookie: 'theme=dark' },
    })
    expect(answer.status).toBe(200)
    expect(((await answer.json()) as Seen).url).toBe(
      '/v1/orders/7?page=2&tags=new,paid&size[width]=3&filter={%22by%22:%22day%22}',
    )
  })

  it('are refused with the part that is wrong: path, query, header, cookie', async () => {
    expect(await issues('/shop/orders/seven')).toEqual(['path.id must be integer'])
    expect(await issues('/shop/orders/7?page=0')).toEqual(['query.page must be >= 1'])
    expect(await issues('/shop/orders/7?tags=new,old')).toEqual(['query.tags.1 must be equal to one of the allowed values'])
    expect(await issues('/shop/orders/7?size[width]=x')).toEqual(['query.size.width must be integer'])
    expect(await issues('/shop/orders/7?filter={}')).toEqual(["query.filter.by must have required property 'by'"])
    expect(await issues('/shop/orders/7?filter={')).toEqual(['query.filter is not JSON'])
    expect(await issues('/shop/orders/7', { headers: { 'x-tenant': 'x' } })).toEqual([
      'headers.X-Tenant must match format "uuid"',
    ])
    expect(await issues('/shop/orders/7', { headers: { cookie: 'a=b; theme=blue' } })).toEqual([
      'cookies.theme must be equal to one of the allowed values',
    ])
  })

  it('are told everything that is wrong with them at once', async () => {
    expect(await issues('/shop/orders/x?page=0', { headers: { cookie: 'theme=blue' } })).toHaveLength(3)
  })

  it('have the body that is wanted', async () => {
    const put = (body: unknown, type = 'application/json'): RequestInit => ({
      method: 'PUT',
      body: typeof body === 'string' ? body : JSON.stringify(body),
      headers: { 'content-type': type },
    })
    const right = await ask('/shop/orders/7', put({ amount: 1, note: null, items: [{ sku: 'a' }] }))
    expect(right.status).toBe(200)
    expect(JSON.parse(((await right.json()) as Seen).body)).toEqual({ amount: 1, note: null, items: [{ sku: 'a' }] })
    expect(await issues('/shop/orders/7', put({ amount: 0, items: [{ sku: 1 }, { sku: 'a', x: 1 }, {}] }))).toEqual([
      'body.amount must be > 0',
      'body.items.0.sku must be string',
      'body.items.1.x must NOT have additional properties',
      "body.items.2.sku must have required property 'sku'",
    ])
    expect(await issues('/shop/orders/7', put('{'))).toEqual(['body is not JSON'])
    expect(await issues('/shop/orders/7', { method: 'PUT' })).toEqual(['body is required'])
    expect((await problem(await ask('/shop/orders/7', put('a', 'text/plain')))).status).toBe(415)
  })

  it('may have a form, whose texts become numbers, or a body that nobody looks into', async () => {
    const post = (body: string, type: string): RequestInit => ({ method: 'POST', body, headers: { 'content-type': type } })
    const form = 'application/x-www-form-urlencoded'
    expect(await issues('/shop/orders', post('amount=x&items=', form))).toContain('body.amount must be number')
    expect((await ask('/shop/orders', post('not even an image', 'image/png'))).status).toBe(200)
    expect((await ask('/shop/orders', { method: 'POST' })).status).toBe(200)
  })

  it('find a path without parameters before one with, and GET answers HEAD', async () => {
    expect((await ask('/shop/orders/mine', { headers: { 'x-tenant': '' } })).status).toBe(200)
    expect((await ask('/shop/orders/mine', { method: 'HEAD' })).status).toBe(200)
  })

  it('are refused where the document has no such path or method, unless they may pass', async () => {
    expect((await problem(await ask('/shop/people'))).status).toBe(404)
    const answer = await ask('/shop/orders/7', { method: 'DELETE' })
    expect((await problem(answer)).status).toBe(405)
    expect(answer.headers.get('allow')).toBe('GET, PUT')
    expect((await ask('/loose/people')).status).toBe(200)
    expect(await issues('/loose/orders/seven')).toEqual(['path.id must be integer'])
  })
})

describe('a document', () => {
  const build = (document: unknown): unknown =>
    createGateway({
      port: 0,
      services: { a: 'http://a' },
      routes: [{ path: '/x/*', service: 'a', validate: { openapi: { document: document as OpenApiDocument } } }],
    })

  it('of 3.1 has the words of JSON Schema 2020-12', async () => {
    const document = {
      openapi: '3.1.0',
      paths: {
        '/pairs': {
          post: {
            requestBody: {
              content: {
                'application/json': { schema: { type: ['array', 'null'], prefixItems: [{ const: 'a' }], exclusiveMinimum: 3 } },
              },
            },
          },
        },
      },
    }
    const own = await gatewayFor({
      services: { orders: { url: orders.url, path: false } },
      routes: [{ path: '/pairs', service: 'orders', validate: { openapi: { document } } }],
    })
    const post = (body: string): Promise<Response> =>
      fetch(`${own.url}/pairs`, { method: 'POST', body, headers: { 'content-type': 'application/json' } })
    expect((await post('["a"]')).status).toBe(200)
    expect((await post('null')).status).toBe(200)
    expect((await problem(await post('["b"]'))).issues).toEqual([{ path: 'body.0', message: 'must be equal to constant' }])
    await own.stop()
  })

  it('that makes no sense is refused with the configuration, with the place in it', () => {
    expect(() => build({ swagger: '2.0' })).toThrow(/routes\[0\]\.validate\.openapi\.document must be an OpenAPI document/)
    const wrong = (schema: object): object => ({
      openapi: '3.0.0',
      paths: { '/a': { get: { parameters: [{ name: 'q', in: 'query', schema }] } } },
    })
    expect(() => build(wrong({ $ref: '#/components/schemas/None' }))).toThrow(/GET \/a: .*#\/components\/schemas\/None/)
    expect(() => build(wrong({ type: 'integr' }))).toThrow(/routes\[0\]\.validate\.openapi\.document.*GET \/a/)
    expect(() => build(wrong({ minimum: 'a' }))).toThrow(/GET \/a/)
  })
})
