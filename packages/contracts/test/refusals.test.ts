import { breakingChanges } from '@comm/contracts'
import { expect, it } from '@jest/globals'
import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'

type Schema = Record<string, unknown> | boolean

const scalar = fc.oneof(
  fc.constantFrom<Schema>(
    { type: 'null' },
    { type: 'boolean' },
    { type: 'string' },
    { type: 'integer' },
    { type: 'number' },
    {},
    true,
    false,
  ),
  fc.record({ type: fc.constant('string'), minLength: fc.nat(2), maxLength: fc.nat(3) }, { requiredKeys: ['type'] }),
  fc.record(
    {
      type: fc.constantFrom('integer', 'number'),
      minimum: fc.nat(2),
      exclusiveMinimum: fc.nat(2),
      maximum: fc.nat(3),
      multipleOf: fc.constantFrom(1, 2),
    },
    { requiredKeys: ['type'] },
  ),
  fc.record({ enum: fc.uniqueArray(fc.constantFrom('', 'a', 'abc', 0, 1, 2.5, null, true), { minLength: 1, maxLength: 4 }) }),
  fc.record({ const: fc.constantFrom('', 'a', 0, null) }),
  fc.record({ type: fc.constant(['string', 'null']) }),
)
const { schema } = fc.letrec<{ schema: Schema; object: Schema; array: Schema; choice: Schema }>((tie) => ({
  schema: fc.oneof({ maxDepth: 2 }, scalar, tie('object'), tie('array'), tie('choice')),
  object: fc.record(
    {
      type: fc.constant('object'),
      properties: fc.record({ a: tie('schema'), b: tie('schema') }, { requiredKeys: [] }),
      required: fc.subarray(['a', 'b']),
      additionalProperties: tie('schema'),
    },
    { requiredKeys: ['type'] },
  ),
  array: fc.record(
    {
      type: fc.constant('array'),
      items: tie('schema'),
      prefixItems: fc.array(tie('schema'), { minLength: 1, maxLength: 2 }),
      minItems: fc.nat(2),
      maxItems: fc.nat(3),
    },
    { requiredKeys: ['type'] },
  ),
  choice: fc.oneof(
    fc.record({ anyOf: fc.array(tie('schema'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ allOf: fc.array(tie('object'), { minLength: 1, maxLength: 2 }) }),
  ),
}))

const plain = fc.constantFrom<unknown>('', 'a', 'abc', 'abcd', 0, 1, 2, 3, 2.5, -1, null, true)
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 2, depthSize: 'small' },
    plain,
    fc.record({ a: tie('value'), b: tie('value') }, { requiredKeys: [] }),
    fc.array(tie('value'), { maxLength: 3 }),
  ),
}))

const ajv = new Ajv2020({ strict: false })

/** Objects have nothing that the schema does not name: others are not expected to send that. */
function closed(given: Schema): Schema {
  return JSON.parse(JSON.stringify(given), (_, each) => {
    if (each === null || typeof each !== 'object' || each.type !== 'object') return each
    return { ...each, additionalProperties: each.additionalProperties === true ? false : (each.additionalProperties ?? false) }
  })
}

function isBreaking(before: Schema, after: Schema): boolean {
  const takes = (each: Schema) => ({
    openapi: '3.1.0',
    paths: { '/': { put: { requestBody: { content: { 'application/json': { schema: each } } } } } },
  })
  return breakingChanges(takes(before), takes(after)).length > 0
}

it('finds every change by which a value that was taken is refused', () => {
  fc.assert(
    fc.property(schema, schema, fc.array(value, { minLength: 40, maxLength: 40 }), (before, after, values) => {
      const [took, takes] = [ajv.compile(closed(before)), ajv.compile(after)]
      const refused = values.filter((each) => took(each) && !takes(each))
      if (refused.length > 0) expect([refused[0], isBreaking(before, after)]).toEqual([refused[0], true])
    }),
    { numRuns: 150 },
  )
})

it('finds nothing between a schema and itself', () => {
  fc.assert(
    fc.property(schema, (same) => expect(isBreaking(same, structuredClone(same))).toBe(false)),
    { numRuns: 1000 },
  )
})
