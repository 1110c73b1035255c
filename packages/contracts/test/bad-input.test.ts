import { asyncApi, contract, openApi, route } from '@comm/contracts'
import { topic } from '@comm/messaging'
import { describe, expect, it } from '@jest/globals'
import { z } from 'zod'

// Every value here is of a wrong type on purpose: what a JavaScript caller may hand over.
const wrong = (value: unknown): never => value as never

const ping = { id: 'ping', method: 'GET', path: '/ping', answers: { 200: z.string() } } as const
const SCHEMA = 'a schema that implements Standard Schema (zod, valibot, arktype …)'

describe('a route', () => {
  it.each<[string, object, string]>([
    ['no id', { id: undefined }, "route.id must be a name such as 'placeOrder', of letters, digits, _ and -, got nothing"],
    ['an id with a blank', { id: 'a b' }, "route.id must be a name such as 'placeOrder', of letters, digits, _ and -, got 'a b'"],
    [
      'a method',
      { method: 'get' },
      "route.method must be one of 'GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', got 'get'",
    ],
    ['a path in braces', { path: '/a/{id}' }, "route.path must be a path such as '/orders/:id', got '/a/{id}'"],
    ['a body', { body: { type: 'object' } }, `route.body must be ${SCHEMA}, got an object with keys type`],
    [
      'answers',
      { answers: { ok: z.string() } },
      `route.answers must be an object that has ${SCHEMA} by status, 200 to 599, got an object with keys ok`,
    ],
    [
      'an option',
      { pth: '/' },
      'route.pth is an unknown option, known are id, method, path, summary, tags, params, query, body, answers, problems',
    ],
  ])('%s', (_, options, message) => expect(() => route(wrong({ ...ping, ...options }))).toThrow(message))
})

describe('a contract', () => {
  it.each<[string, object, string]>([
    ['no title', { title: '' }, "contract.title must be a non-empty string, got ''"],
    [
      'a topic by name',
      { sends: ['order.created'] },
      'contract.sends must be an array, each item a topic of topic(), got an array of 1',
    ],
    [
      'a route by path',
      { routes: ['/ping'] },
      'contract.routes must be an array, each item a route of route(), got an array of 1',
    ],
  ])('%s', (_, options, message) => expect(() => contract(wrong({ title: 'x', version: '1', ...options }))).toThrow(message))

  it('whose schemas cannot say themselves as JSON Schema', () => {
    const silent = { '~standard': { version: 1, vendor: 'x', validate: (value: unknown) => ({ value }) } } as const
    const said = { title: 'x', version: '1', sends: [topic('a', silent)], routes: [route({ ...ping, body: z.bigint() })] }
    expect(() => asyncApi(said)).toThrow(
      'the schema of topic a must be JSON Schema, or a Standard Schema with JSON Schema output, got another schema',
    )
    expect(() => openApi(said)).toThrow(
      'the body of ping cannot be said as JSON Schema: BigInt cannot be represented in JSON Schema',
    )
  })

  it('with one operation twice', () => {
    const twice = { title: 'x', version: '1', routes: [route(ping), route({ ...ping, path: '/pong' })] }
    expect(() => contract(twice)).toThrow("contract.routes must be routes with ids that differ, got 'ping' twice")
    expect(() => contract({ ...twice, routes: [route(ping), route({ ...ping, id: 'pong' })] })).toThrow(
      "contract.routes must be routes with operations that differ, got 'GET /ping' twice",
    )
  })
})
