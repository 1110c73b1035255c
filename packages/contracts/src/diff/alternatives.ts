import type { JsonSchema } from '@comm/core/schema'

export type AnySchema = JsonSchema | boolean
/** Keywords that `JsonSchema` does not name are read too. */
export type Keywords = JsonSchema & Readonly<Record<string, unknown>>

/** Follows a `$ref` in a document; one that leads elsewhere, or nowhere, accepts anything. */
function resolved(root: unknown, schema: AnySchema): AnySchema {
  let found = schema
  for (let hops = 0; hops < 32 && typeof found === 'object' && found.$ref !== undefined; hops++) {
    const { $ref, ...siblings } = found
    const target = at(root, $ref)
    if (target === undefined) return true
    found = typeof target === 'object' ? { ...target, ...siblings } : target
  }
  return found
}

/** What a JSON pointer (`#/a/b`) leads to. */
export function at(root: unknown, pointer: string): AnySchema | undefined {
  if (!pointer.startsWith('#')) return undefined
  return decodeURIComponent(pointer)
    .split('/')
    .slice(1)
    .reduce<unknown>((found, part) => Object(found)[part.replaceAll('~1', '/').replaceAll('~0', '~')], root) as
    | AnySchema
    | undefined
}

/** A schema as the simple ones of which a value has to match one: each of one type, without anyOf, oneOf, allOf or `$ref`. None: nothing matches. */
export function alternatives(root: unknown, schema: AnySchema): readonly Keywords[] {
  const found = resolved(root, schema)
  if (typeof found === 'boolean') return found ? [{}] : []
  const { anyOf, oneOf, allOf, ...rest } = found as Keywords
  const choices = anyOf ?? oneOf
  if (allOf !== undefined)
    return alternatives(
      root,
      allOf.reduce((all, each) => both(all, resolved(root, each)), withoutAllOf(found)),
    )
  if (choices !== undefined) return joined(choices.flatMap((each) => alternatives(root, both(rest, resolved(root, each)))))
  return byType(rest)
}

function withoutAllOf({ allOf: _, ...rest }: JsonSchema): AnySchema {
  return rest
}

/** What matches both, as far as the two speak of different things. */
function both(one: AnySchema, other: AnySchema): AnySchema {
  if (typeof one === 'boolean') return one ? other : false
  if (typeof other === 'boolean') return other ? one : false
  const properties = { ...one.properties, ...other.properties }
  const required = [...(one.required ?? []), ...(other.required ?? [])]
  return {
    ...one,
    ...other,
    ...(Object.keys(properties).length > 0 && { properties }),
    ...(required.length > 0 && { required }),
  }
}

function byType({ const: only, nullable, ...schema }: Keywords): readonly Keywords[] {
  const values = only === undefined ? schema.enum : [only]
  if (values !== undefined) {
    const types = new Set(values.map(typeOf))
    return [...types].map((type) => ({ ...schema, type, enum: values.filter((value) => typeOf(value) === type) }))
  }
  // OpenAPI 3.0 has it in place of a type.
  const own = [schema.type ?? []].flat()
  const types = nullable === true && own.length > 0 ? [...own, 'null'] : own
  return types.length === 0 ? [schema] : types.map((type) => ({ ...schema, type }))
}

/** Alternatives that are values of one type are one enumeration. */
function joined(all: readonly Keywords[]): readonly Keywords[] {
  const enums = Map.groupBy(
    all.filter((each) => each.enum !== undefined),
    ({ type }) => type,
  )
  return [
    ...all.filter((each) => each.enum === undefined),
    ...[...enums.values()].map((same) => ({ ...same[0], enum: same.flatMap((each) => each.enum ?? []) })),
  ]
}

function typeOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  return Number.isInteger(value) ? 'integer' : typeof value
}
