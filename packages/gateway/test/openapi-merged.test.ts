import type { ServerResponse } from 'node:http'
import { createGateway, type Gateway } from '@comm/gateway'
import { TestClock } from '@comm/testkit'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { gatewayFor, service, type TestService } from './support/services.ts'

const ORDERS = {
  openapi: '3.1.0',
  servers: [{ url: '/' }],
  security: [{ token: [] }],
  tags: [{ name: 'orders' }],
  paths: {
    '/orders/{id}': {
      parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'integer' } }],
      get: { operationId: 'find', responses: { 200: { $ref: '#/components/responses/Found' } } },
      delete: { operationId: 'remove', security: [], responses: {} },
    },
    '/internal/state': { get: { responses: {} } },
  },
  components: {
    responses: {
      Found: { description: 'it', content: { 'application/json': { schema: { $ref: '#/components/schemas/Item' } } } },
    },
    schemas: {
      Item: {
        oneOf: [{ $ref: '#/components/schemas/Big' }],
        discriminator: { propertyName: 'kind', mapping: { big: '#/components/schemas/Big' } },
      },
      Big: { type: 'object' },
    },
    securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
  },
}

/** In YAML, and of 3.0: another Item, another `find`. */
const USERS = `
openapi: 3.0.3
paths:
  /v2/users/{user}:
    get: { operationId: find, responses: { '200': { description: it, content: { application/json: { schema: { $ref: '#/components/schemas/Item' } } } } } }
components:
  schemas:
    Item: { type: string, nullable: true }
`

interface Merged {
  readonly openapi: string
  readonly info: Readonly<Record<string, unknown>>
  readonly paths: Readonly<Record<string, Readonly<Record<string, Record<string, unknown>>>>>
  readonly components: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

let orders: TestService
let users: TestService
let answerUsers: (response: ServerResponse) => void

beforeEach(async () => {
  orders = await service((_, response) => void response.end(JSON.stringify(ORDERS)))
  answerUsers = (response) => void response.end(USERS)
  users = await service((_, response) => answerUsers(response))
})

afterEach(async () => {
  await orders[Symbol.asyncDispose]()
  await users[Symbol.asyncDispose]()
})

function start(clock = new TestClock()): Promise<Gateway> {
  return gatewayFor({
    clock,
    services: {
      'order-service': { url: orders.url, openapi: '/openapi.json' },
      'user-service': { url: `${users.url}/v2`, path: false, openapi: '/openapi.yaml', retry: false, breaker: false },
      mute: { url: 'http://127.0.0.1:1', path: '/orders' },
    },
    routes: [
      { path: '/people/:id', service: 'user-service', rewrite: '/users/:id', methods: ['GET'] },
      { path: '/api/v1/internal/*', service: 'mute' },
      { path: '/openapi.json', openapi: { title: 'Shop', version: '7', ttlMs: 1000 } },
    ],
  })
}

async function merged({ url }: Gateway): Promise<Merged> {
  const answer = await fetch(`${url}/openapi.json`)
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/json'])
  return (await answer.json()) as Merged
}

describe('the merged document', () => {
  it('has what clients reach, where they reach it, with components of each service beside those of others', async () => {
    await using gateway = await start()
    const { openapi, info, paths, components } = await merged(gateway)
    expect([openapi, info]).toEqual(['3.1.0', { title: 'Shop', version: '7' }])
    // order-service has the whole of /api/v1/orders and nothing of /api/v1/internal, which another route takes.
    expect(Object.keys(paths).sort()).toEqual(['/api/v1/orders/{id}', '/people/{user}'])
    expect(paths['/api/v1/orders/{id}']?.['get']).toEqual({
      operationId: 'order-service.find',
      parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'integer' } }],
      responses: { 200: { $ref: '#/components/responses/order-service.Found' } },
      security: [{ 'order-service.token': [] }],
    })
    expect(paths['/api/v1/orders/{id}']?.['delete']?.['security']).toEqual([])
    expect(paths['/people/{user}']?.['get']?.['operationId']).toBe('user-service.find')
    expect(components['schemas']).toEqual({
      'order-service.Item': {
        oneOf: [{ $ref: '#/components/schemas/order-service.Big' }],
        discriminator: { propertyName: 'kind', mapping: { big: '#/components/schemas/order-service.Big' } },
      },
      'order-service.Big': { type: 'object' },
      'user-service.Item': { type: ['string', 'null'] },
    })
    expect(Object.keys(components['securitySchemes'] ?? {})).toEqual(['order-service.token'])
    const references = JSON.stringify(paths).match(/#\/components\/\w+\/[^"]+/g) ?? []
    for (const reference of references) {
      const [, , kind = '', name = ''] = reference.split('/')
      expect(components[kind]).toHaveProperty([name])
    }
  })

  it('is made of what services say once in a while, and of the rest while one says nothing', async () => {
    const clock = new TestClock()
    answerUsers = (response) => response.writeHead(500).end()
    await using gateway = await start(clock)
    const first = await merged(gateway)
    expect(first.info['x-missing']).toEqual([{ service: 'user-service', reason: 'COMM_HTTP_STATUS' }])
    expect(Object.keys(first.paths)).toEqual(['/api/v1/orders/{id}'])
    await Promise.all([merged(gateway), merged(gateway)])
    expect([orders.requests.length, users.requests.length]).toEqual([1, 1])

    answerUsers = (response) => void response.end(USERS)
    await clock.advance(1000)
    expect(Object.keys((await merged(gateway)).paths)).toContain('/people/{user}')
    expect(users.requests[1]?.url).toBe('/v2/openapi.yaml')
    // What was there last is better than nothing.
    answerUsers = (response) => void response.end('no document')
    await clock.advance(1000)
    const last = await merged(gateway)
    expect([users.requests.length, last.info['x-missing'], Object.keys(last.paths)]).toEqual([
      3,
      undefined,
      expect.arrayContaining(['/people/{user}']),
    ])
  })

  it('takes no name of a service for something else', async () => {
    answerUsers = (response) =>
      void response.end('{"openapi":"3.0.0","paths":{},"components":{"__proto__":{"polluted":{}},"schemas":{"__proto__":{}}}}')
    await using gateway = await start()
    const { components } = await merged(gateway)
    expect(Object.hasOwn(components['schemas'] ?? {}, 'user-service.__proto__')).toBe(true)
    expect(Object.keys(Object.prototype)).toEqual([])
  })

  it('is behind what the route asks for, and only read', async () => {
    await using gateway = await start()
    expect((await fetch(`${gateway.url}/openapi.json`, { method: 'POST' })).status).toBe(405)
    expect(gateway.describe()).toMatch(/GET,HEAD +\/openapi\.json +-> documents by openapi/)
  })
})

it('what is wrong with it is told with the configuration', () => {
  const build = (route: object, openapi: unknown): unknown =>
    createGateway({
      port: 0,
      services: { a: { url: 'http://a', openapi: openapi as string } },
      routes: [{ path: '/openapi.json', ...route }],
    })
  expect(() => build({ openapi: { ttl: 1 } }, 'openapi.json')).toThrow(/services\.a\.openapi[\s\S]*routes\[0\]\.openapi\.ttl/)
  expect(() => build({ openapi: true, service: 'a' }, '/a')).toThrow(/one of service, to, aggregate, grpc and openapi/)
})
