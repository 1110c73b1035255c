import type { JsonSchema } from '@comm/core/schema'

/** Hold values, not schemas: a `$ref` in them is a value too. */
const VALUES: ReadonlySet<string> = new Set(['const', 'enum', 'default', 'example', 'examples'])
/** Hold schemas by names of the user. */
const BY_NAME: ReadonlySet<string> = new Set(['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas'])

/** A schema as a part of a document, at a JSON pointer: what it refers to within itself is found from the document's root. */
export function embedded(schema: JsonSchema, pointer: string): JsonSchema {
  const { $schema: _dialect, ...rest } = schema as JsonSchema & { readonly $schema?: unknown }
  return rebased(rest, pointer) as JsonSchema
}

function rebased(schema: unknown, pointer: string): unknown {
  if (Array.isArray(schema)) return schema.map((each) => rebased(each, pointer))
  if (typeof schema !== 'object' || schema === null) return schema
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]) => {
      if (key === '$ref' && typeof value === 'string') return [key, value.replace(/^#/, pointer)]
      if (VALUES.has(key)) return [key, value]
      return [key, BY_NAME.has(key) ? mapped(value, (each) => rebased(each, pointer)) : rebased(value, pointer)]
    }),
  )
}

function mapped(object: object, change: (value: unknown) => unknown): object {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, change(value)]))
}
