import { asData, type Data, isData, type OpenApiDocument } from './document.ts'

/** Names in these are users' own. */
const MAPS: ReadonlySet<string> = new Set(['properties', 'patternProperties', '$defs', 'schemas', 'dependentSchemas'])
/** Values in these are no schemas. */
const VALUES: ReadonlySet<string> = new Set(['example', 'examples', 'default', 'enum', 'const'])

/**
 * Gives a 3.0 document the words of 3.1, which are those of JSON Schema 2020-12: `nullable` becomes a type, `exclusiveMinimum: true` a number
 * (https://spec.openapis.org/oas/v3.0.3#schema-object, https://spec.openapis.org/oas/v3.1.0#schema-object).
 */
export function modern(document: OpenApiDocument): OpenApiDocument {
  return rewritten(document, schemaOf31) as OpenApiDocument
}

/** What a client may leave out: `required` does not speak of what is `readOnly` in requests. */
export function forRequests(document: OpenApiDocument, resolve: (schema: Data) => Data): OpenApiDocument {
  return rewritten(document, (schema) => {
    const { properties, required } = schema
    if (!isData(properties) || !Array.isArray(required)) return schema
    const wanted = required.filter((name) => resolve(asData(properties[String(name)]))['readOnly'] !== true)
    return { ...schema, required: wanted }
  }) as OpenApiDocument
}

function schemaOf31(schema: Data): Data {
  const { nullable, exclusiveMinimum, exclusiveMaximum, ...made }: Record<string, unknown> = { ...schema }
  if (typeof nullable === 'boolean') {
    const { type } = made
    if (nullable && typeof type === 'string') {
      made['type'] = [type, 'null']
      if (Array.isArray(made['enum']) && !made['enum'].includes(null)) made['enum'] = [...made['enum'], null]
    }
  } else if (nullable !== undefined) made['nullable'] = nullable
  Object.assign(made, bound(made, 'minimum', 'exclusiveMinimum', exclusiveMinimum))
  Object.assign(made, bound(made, 'maximum', 'exclusiveMaximum', exclusiveMaximum))
  return made
}

function bound(schema: Record<string, unknown>, limit: string, exclusive: string, isExclusive: unknown): Data {
  if (isExclusive === undefined || isExclusive === false) return {}
  if (isExclusive !== true) return { [exclusive]: isExclusive }
  const value = schema[limit]
  delete schema[limit]
  return value === undefined ? {} : { [exclusive]: value }
}

/** @param change is given every object that may be a schema */
function rewritten(value: unknown, change: (schema: Data) => Data, isMap = false): unknown {
  if (Array.isArray(value)) return value.map((each) => rewritten(each, change))
  if (!isData(value)) return value
  const own = isMap ? value : change(value)
  return Object.fromEntries(
    Object.entries(own).map(([key, inner]) => [
      key,
      !isMap && VALUES.has(key) ? inner : rewritten(inner, change, !isMap && MAPS.has(key)),
    ]),
  )
}
