import { breakingChanges, contract, noBody, openApi, route } from '@comm/contracts'
import { describe, expect, it } from '@jest/globals'

const text = { type: 'string' }
const given = (properties: object, required: readonly string[] = []) => ({ type: 'object', properties, required })

function api(operation: object, more: object = {}) {
  return { openapi: '3.1.0', paths: { '/orders/{id}': { post: operation } }, ...more }
}
const takes = (schema: object | boolean, isRequired = true) =>
  api({ requestBody: { required: isRequired, content: { 'application/json': { schema } } }, responses: {} })
const answers = (schema: object) => api({ responses: { 200: { content: { 'application/json': { schema } } } } })
const asked = (...parameters: readonly object[]) => api({ parameters, responses: {} })

const AT = 'POST /orders/{id}'
const lines = (before: object, after: object) =>
  breakingChanges(before as never, after as never).map(({ rule, at, message }) => `${rule}: ${at.replace(AT, '_')} ${message}`)

describe('changes that break callers', () => {
  it.each<[string, object, object, string[]]>([
    ['a path', takes(true), { openapi: '3.1.0', paths: {} }, ['path-removed: /orders/{id} is gone']],
    ['an operation', takes(true), { openapi: '3.1.0', paths: { '/orders/{id}': { get: {} } } }, ['operation-removed: _ is gone']],
    ['an answer', answers(text), api({ responses: {} }), ['answer-removed: _ answer 200 is gone']],
    [
      'a media type',
      answers(text),
      api({ responses: { 200: { content: { 'text/plain': {} } } } }),
      ['media-type-removed: _ answer 200 is no longer application/json'],
    ],
    [
      'a parameter that must be given',
      asked(),
      asked({ in: 'query', name: 'q', required: true }),
      ['parameter-required: _ query q must now be given'],
    ],
    [
      'a parameter that now must be given',
      asked({ in: 'query', name: 'q' }),
      asked({ in: 'query', name: 'q', required: true }),
      ['parameter-required: _ query q must now be given'],
    ],
    ['a parameter that is gone', asked({ in: 'query', name: 'q' }), asked(), ['parameter-removed: _ query q is gone']],
    [
      'the type of a parameter',
      asked({ in: 'path', name: 'id', schema: text }),
      asked({ in: 'path', name: 'number', schema: { type: 'integer' } }),
      ['in-type: _ path 1 may no longer be string'],
    ],
    ['a body that must be given', takes(text, false), takes(text), ['body-required: _ body must now be given']],
    ['a new body that must be given', api({ responses: {} }), takes(text), ['body-required: _ body must now be given']],
    [
      'a property that must be given',
      takes(given({ a: text }, ['a'])),
      takes(given({ a: text, b: text }, ['a', 'b'])),
      ["in-required: _ body must now have 'b'"],
    ],
    [
      'the type of a property',
      takes(given({ a: text })),
      takes(given({ a: { type: 'number' } })),
      ['in-type: _ body /a may no longer be string'],
    ],
    [
      'null is refused',
      takes(given({ a: { type: ['string', 'null'] } })),
      takes(given({ a: text })),
      ['in-type: _ body /a may no longer be null'],
    ],
    [
      'a value is refused',
      takes(given({ a: { enum: ['x', 'y'] } })),
      takes(given({ a: { anyOf: [{ const: 'x' }, { const: 'z' }] } })),
      ['in-value: _ body /a may no longer be "y"'],
    ],
    ['only some values', takes(text), takes({ enum: ['x'] }), ['in-limit: _ body has enum ["x"] now, had none']],
    [
      'a limit',
      takes({ ...text, maxLength: 9 }),
      takes({ ...text, maxLength: 3 }),
      ['in-limit: _ body has maxLength 3 now, had 9'],
    ],
    [
      'an excluded bound',
      takes({ type: 'number', minimum: 0 }),
      takes({ type: 'number', exclusiveMinimum: 0 }),
      ['in-limit: _ body has minimum 0 now, had 0'],
    ],
    ['a pattern', takes(text), takes({ ...text, pattern: '^a' }), ['in-limit: _ body has pattern "^a" now, had none']],
    [
      'unknown properties',
      takes(given({})),
      takes({ ...given({}), additionalProperties: false }),
      ['in-unknown-property: _ body may no longer have unknown properties'],
    ],
    [
      'deep in an array',
      takes({ type: 'array', items: given({ a: { type: 'number' } }) }),
      takes({ type: 'array', items: given({ a: { type: 'integer' } }) }),
      ['in-type: _ body /*/a may no longer be number'],
    ],
    [
      'a property that may be missing',
      answers(given({ a: text }, ['a'])),
      answers(given({ a: text })),
      ["out-required: _ answer 200 may now lack 'a'"],
    ],
    [
      'a value that is new to callers',
      answers(given({ a: { enum: ['x'] } })),
      answers(given({ a: { enum: ['x', 'y'] } })),
      ['out-value: _ answer 200 /a may now be "y"'],
    ],
    [
      'a type that is new to callers',
      answers(text),
      answers({ type: ['string', 'null'] }),
      ['out-type: _ answer 200 may now be null'],
    ],
    [
      'an answer without a limit',
      answers({ ...text, maxLength: 9 }),
      answers(text),
      ['out-limit: _ answer 200 has maxLength none now, had 9'],
    ],
    [
      'credentials',
      api({ responses: {} }),
      api({ responses: {} }, { security: [{ key: [] }] }),
      ['security-required: _ needs credentials now'],
    ],
  ])('%s', (_, before, after, expected) => expect(lines(before, after)).toEqual(expected))
})

describe('changes that break nobody', () => {
  it.each<[string, object, object]>([
    ['a new path', { openapi: '3.1.0', paths: {} }, takes(true)],
    [
      'the name of a parameter in a path',
      takes(true),
      { openapi: '3.1.0', paths: { '/orders/{order}': takes(true).paths['/orders/{id}'] } },
    ],
    ['a property that may be given', takes(given({ a: text })), takes(given({ a: text, b: text }))],
    ['a property that need not be given', takes(given({ a: text }, ['a'])), takes(given({ a: text }))],
    ['more values', takes({ enum: ['x'] }), takes({ enum: ['y', 'x'] })],
    ['a wider type', takes({ type: 'integer' }), takes({ type: ['number', 'null'] })],
    ['the same in other words', takes({ enum: ['x', 'y'] }), takes({ oneOf: [{ const: 'y' }, { const: 'x' }] })],
    ['the same in parts', takes(given({ a: text }, ['a'])), takes({ allOf: [given({ a: text }), { required: ['a'] }] })],
    [
      'an answer with more',
      answers({ ...given({ a: text }), additionalProperties: false }),
      answers(given({ a: text, b: text }, ['b'])),
    ],
    ['an answer that is narrower', answers({ type: ['string', 'null'] }), answers({ ...text, maxLength: 3 })],
    [
      'another answer',
      answers(text),
      api({ responses: { ...answers(text).paths['/orders/{id}'].post, ...responsesOf(answers(text)), 404: {} } }),
    ],
    ['OpenAPI 3.0 in 3.1', { ...takes({ ...text, nullable: true }), openapi: '3.0.3' }, takes({ type: ['string', 'null'] })],
  ])('%s', (_, before, after) => expect(lines(before, after)).toEqual([]))
})

function responsesOf(document: ReturnType<typeof api>): object {
  return (document.paths['/orders/{id}'].post as { readonly responses: object }).responses
}

it('follows references, those of a schema to itself too', () => {
  const tree = (value: object) => ({
    ...takes({ $ref: '#/components/schemas/Tree' }),
    components: {
      schemas: { Tree: given({ value, children: { type: 'array', items: { $ref: '#/components/schemas/Tree' } } }) },
    },
  })
  expect(lines(tree(text), tree(text))).toEqual([])
  expect(lines(tree(text), tree({ type: 'number' }))).toEqual(['in-type: _ body /value may no longer be string'])
})

it('finds nothing between a document and itself', () => {
  const shop = contract({
    title: 'shop',
    version: '1',
    routes: [route({ id: 'x', method: 'GET', path: '/x/:id', answers: { 204: noBody } })],
  })
  expect(breakingChanges(openApi(shop), openApi(shop))).toEqual([])
})

it.each([
  [{ swagger: '2.0' }, {}, 'the earlier document must be AsyncAPI 3 or OpenAPI 3, got neither'],
  [{ openapi: '3.1.0' }, { asyncapi: '2.6.0' }, 'the later document must be AsyncAPI 3 or OpenAPI 3, got 2.6.0'],
  [{ openapi: '3.1.0' }, { asyncapi: '3.0.0' }, 'both documents must be of one kind, got OpenAPI and AsyncAPI'],
])('refuses %j and %j', (before, after, message) => expect(() => breakingChanges(before, after)).toThrow(message))
