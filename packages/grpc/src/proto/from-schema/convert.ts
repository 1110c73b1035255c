import { ConfigurationError } from '@comm/core'
import type { JsonSchema } from '@comm/core/schema'
import type { Enum, Field, Message, ProtoFile } from './model.ts'
import { pascalCase, snakeCase, upperSnakeCase } from './names.ts'

const WELL_KNOWN: Readonly<Record<string, string>> = {
  'google.protobuf.Timestamp': 'google/protobuf/timestamp.proto',
  'google.protobuf.Struct': 'google/protobuf/struct.proto',
  'google.protobuf.Value': 'google/protobuf/struct.proto',
}
const INTEGER_FORMATS: ReadonlySet<string> = new Set(['int32', 'int64', 'uint32', 'uint64'])
const INT32 = [-2_147_483_648, 2_147_483_647] as const

/**
 * Turns a JSON Schema into messages.
 * @throws ConfigurationError with the place in the schema that no message can express
 */
export function convert(schema: JsonSchema, message: string, packageName: string): ProtoFile {
  return new Converter(schema, packageName).convert(message)
}

interface Typed {
  readonly type: string
  readonly isRepeated?: boolean
  readonly isNullable?: boolean
}

class Converter {
  readonly #root: JsonSchema
  readonly #package: string
  readonly #imports = new Set<string>()
  readonly #messages: Message[] = []
  readonly #enums: Enum[] = []
  readonly #taken = new Map<string, string>()

  constructor(root: JsonSchema, packageName: string) {
    this.#root = root
    this.#package = packageName
  }

  convert(name: string): ProtoFile {
    const { schema, at } = this.#follow(this.#root, '#')
    if (!isObject(merged(schema))) throw cannot(at, 'be an object at its top, since a message is one')
    this.#message(pascalCase(name), schema, at)
    return { package: this.#package, imports: this.#imports, messages: this.#messages, enums: this.#enums }
  }

  /** Adds a message, once for each place in the schema, so that a type may contain itself. */
  #message(wanted: string, given: JsonSchema, at: string): string {
    const { name, isNew } = this.#claim(wanted, at)
    if (!isNew) return name
    const schema = merged(given)
    const place = this.#messages.length
    this.#messages.push({ name, comment: schema.description, fields: [] })
    const required = new Set(schema.required)
    const fields = Object.entries(schema.properties ?? {}).flatMap(([key, property]) =>
      this.#fields(name, key, property, required.has(key), `${at}/properties/${key}`),
    )
    this.#messages[place] = { name, comment: schema.description, fields }
    return name
  }

  #fields(message: string, key: string, property: JsonSchema | boolean, isRequired: boolean, at: string): readonly Field[] {
    const schema = property === true ? {} : property
    if (schema === false) return []
    const { schema: found, at: place } = this.#follow(schema, at)
    const alternatives = (found.oneOf ?? found.anyOf)?.filter((each) => !isNull(each)) ?? []
    const comment = schema.description ?? found.description
    if (alternatives.length > 1 && enumOf(found) === undefined) return this.#oneof(message, key, alternatives, comment, place)
    const { type, isRepeated = false, isNullable = false } = this.#type(message + pascalCase(key), schema, at)
    const isMap = type.startsWith('map<')
    const label = isRepeated ? 'repeated' : !isMap && (!isRequired || isNullable) ? 'optional' : ''
    return [{ name: snakeCase(key), jsonName: key, comment, type, label }]
  }

  #oneof(
    message: string,
    key: string,
    alternatives: readonly JsonSchema[],
    comment: string | undefined,
    at: string,
  ): readonly Field[] {
    return alternatives.map((alternative, index) => {
      const place = `${at}/${index}`
      const { schema } = this.#follow(alternative, place)
      const own = alternative.$ref?.split('/').at(-1) ?? schema.title ?? String(schema.type ?? index)
      const { type, isRepeated } = this.#type(message + pascalCase(`${key} ${own}`), alternative, place)
      if (isRepeated || type.startsWith('map<')) throw cannot(place, 'be neither an array nor a map, which no oneof can hold')
      const name = snakeCase(`${key} ${own}`)
      return { name, jsonName: name, comment: index === 0 ? comment : undefined, type, label: '', oneof: snakeCase(key) }
    })
  }

  /** @param name for a message or an enum that has no name of its own */
  #type(name: string, given: JsonSchema, at: string): Typed {
    const { schema, at: place, name: ownName } = this.#follow(given, at)
    const [only, ...others] = (schema.anyOf ?? schema.oneOf ?? []).filter((each) => !isNull(each))
    if (only !== undefined && others.length === 0) return { ...this.#type(name, only, `${place}/anyOf`), isNullable: true }
    const values = enumOf(schema)
    if (values !== undefined) return { type: this.#enum(pascalCase(ownName ?? name), values, place) }
    if (only !== undefined) throw cannot(place, 'be one of several things only as a property of an object')
    const { type, isNullable } = typeOf(schema, place)
    const found = this.#plain(ownName ?? name, type, merged(schema), place)
    return isNullable ? { ...found, isNullable } : found
  }

  #plain(name: string, type: string | undefined, schema: JsonSchema, at: string): Typed {
    switch (type) {
      case 'string':
        if (schema.format === 'date-time') return this.#known('google.protobuf.Timestamp')
        return { type: isBytes(schema) ? 'bytes' : 'string' }
      case 'integer':
        return { type: integerType(schema) }
      case 'number':
        return { type: schema.format === 'float' ? 'float' : 'double' }
      case 'boolean':
        return { type: 'bool' }
      case 'array':
        return this.#array(name, schema, at)
      case 'object':
        return this.#object(name, schema, at)
      case undefined:
        return this.#known('google.protobuf.Value')
      default:
        throw cannot(at, `have a type that messages have, got '${type}'`)
    }
  }

  #array(name: string, { items = true }: JsonSchema, at: string): Typed {
    if (typeof items === 'boolean') return { ...this.#known('google.protobuf.Value'), isRepeated: true }
    const { type, isRepeated } = this.#type(name, items, `${at}/items`)
    if (isRepeated || type.startsWith('map<')) throw cannot(`${at}/items`, 'be no array and no map itself; put it into an object')
    return { type, isRepeated: true }
  }

  #object(name: string, schema: JsonSchema, at: string): Typed {
    if (schema.properties !== undefined) return { type: this.#message(pascalCase(name), schema, at) }
    const { additionalProperties: value } = schema
    if (typeof value !== 'object') return this.#known('google.protobuf.Struct')
    const { type, isRepeated } = this.#type(`${name} value`, value, `${at}/additionalProperties`)
    if (isRepeated || type.startsWith('map<')) {
      throw cannot(`${at}/additionalProperties`, 'be no array and no map itself; put it into an object')
    }
    return { type: `map<string, ${type}>` }
  }

  #enum(wanted: string, values: readonly string[], at: string): string {
    const { name, isNew } = this.#claim(wanted, at)
    if (!isNew) return name
    const prefix = upperSnakeCase(name)
    this.#enums.push({ name, values: [`${prefix}_UNSPECIFIED`, ...values.map((value) => `${prefix}_${upperSnakeCase(value)}`)] })
    return name
  }

  /** A name belongs to one place in the schema. */
  #claim(wanted: string, at: string): { readonly name: string; readonly isNew: boolean } {
    for (let suffix = 1; ; suffix++) {
      const name = suffix === 1 ? wanted : `${wanted}${suffix}`
      const owner = this.#taken.get(name)
      if (owner === at) return { name, isNew: false }
      if (owner !== undefined) continue
      this.#taken.set(name, at)
      return { name, isNew: true }
    }
  }

  #known(type: string): Typed {
    this.#imports.add(WELL_KNOWN[type] as string)
    return { type }
  }

  /** Where a `$ref` leads. */
  #follow(schema: JsonSchema, at: string, seen: readonly string[] = []): { schema: JsonSchema; at: string; name?: string } {
    const { $ref } = schema
    if ($ref === undefined) return { schema, at }
    if (seen.includes($ref)) throw cannot(at, 'not refer to itself without an object in between')
    const target = $ref
      .split('/')
      .slice(1)
      .reduce<unknown>((found, part) => Object(found)[part.replaceAll('~1', '/').replaceAll('~0', '~')], this.#root)
    if (!$ref.startsWith('#') || typeof target !== 'object' || target === null) {
      throw cannot(at, `refer to a part of the same schema, got $ref '${$ref}'`)
    }
    const found = this.#follow(target as JsonSchema, $ref, [...seen, $ref])
    const name = $ref.split('/').at(-1)
    return { ...found, ...(name === undefined || name === '#' ? {} : { name }) }
  }
}

function isObject({ type, properties }: JsonSchema): boolean {
  return type === 'object' || properties !== undefined
}

function isNull({ type, const: value }: JsonSchema): boolean {
  return type === 'null' || value === null
}

/** `allOf` of objects is one object with the fields of all. */
function merged(schema: JsonSchema): JsonSchema {
  if (schema.allOf === undefined) return schema
  const parts = [schema, ...schema.allOf.map(merged)]
  return {
    ...schema,
    type: 'object',
    properties: Object.assign({}, ...parts.map(({ properties }) => properties)) as NonNullable<JsonSchema['properties']>,
    required: parts.flatMap(({ required = [] }) => required),
  }
}

function typeOf(
  { type, properties }: JsonSchema,
  at: string,
): { readonly type: string | undefined; readonly isNullable: boolean } {
  const all = (typeof type === 'string' ? [type] : (type ?? [])).filter((each) => each !== 'null')
  if (all.length > 1) throw cannot(at, `have one type, got ${all.join(', ')}`)
  const isNullable = typeof type !== 'string' && type?.includes('null') === true
  return { type: all[0] ?? (properties === undefined ? undefined : 'object'), isNullable }
}

/** The values of an enumeration of texts. */
function enumOf({ enum: values, const: only, anyOf, oneOf }: JsonSchema): readonly string[] | undefined {
  const literals = values ?? (only === undefined ? undefined : [only]) ?? (anyOf ?? oneOf)?.map((each) => each.const)
  const texts = literals?.filter((value) => value !== null)
  const areTexts = texts !== undefined && texts.length > 0 && texts.every((value) => typeof value === 'string')
  return areTexts ? (texts as readonly string[]) : undefined
}

function isBytes({ format, contentEncoding }: JsonSchema): boolean {
  return contentEncoding === 'base64' || format === 'byte' || format === 'binary' || format === 'base64'
}

function integerType({ format, minimum, maximum, exclusiveMinimum, exclusiveMaximum }: JsonSchema): string {
  if (format !== undefined && INTEGER_FORMATS.has(format)) return format
  const [least, most] = [minimum ?? exclusiveMinimum, maximum ?? exclusiveMaximum]
  return least !== undefined && most !== undefined && least >= INT32[0] && most <= INT32[1] ? 'int32' : 'int64'
}

function cannot(at: string, expected: string): ConfigurationError {
  return new ConfigurationError(`the schema at ${at} must ${expected}`, { details: { at } })
}
