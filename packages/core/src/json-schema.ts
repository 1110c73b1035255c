import type { StandardJSONSchemaV1 } from '@standard-schema/spec'
import { ConfigurationError } from './errors/errors.ts'

/** What is read of JSON Schema (drafts 7 and 2020-12); every other keyword is kept as it is. */
export interface JsonSchema {
  readonly $ref?: string
  readonly $defs?: Readonly<Record<string, JsonSchema>>
  readonly definitions?: Readonly<Record<string, JsonSchema>>
  readonly title?: string
  readonly description?: string
  readonly type?: string | readonly string[]
  readonly format?: string
  readonly contentEncoding?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
  readonly exclusiveMaximum?: number
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly items?: JsonSchema | boolean
  readonly properties?: Readonly<Record<string, JsonSchema | boolean>>
  readonly required?: readonly string[]
  readonly additionalProperties?: JsonSchema | boolean
  readonly allOf?: readonly JsonSchema[]
  readonly anyOf?: readonly JsonSchema[]
  readonly oneOf?: readonly JsonSchema[]
}

export interface JsonSchemaOptions {
  /** What goes into the schema, or what it makes of that. @default 'input' */
  readonly side?: 'input' | 'output'
  /** @default 'draft-2020-12' */
  readonly draft?: 'draft-07' | 'draft-2020-12'
}

/**
 * A schema as JSON Schema: itself where it is that already, else what it says of itself (https://standardschema.dev/json-schema: Zod 4,
 * ArkType, Valibot with its converter).
 * @param what names the schema in the error
 * @throws ConfigurationError when it is neither
 */
export function jsonSchemaOf(what: string, schema: unknown, options: JsonSchemaOptions = {}): JsonSchema {
  const { side = 'input', draft = 'draft-2020-12' } = options
  if (saysItself(schema)) return said(what, () => schema['~standard'].jsonSchema[side]({ target: draft }))
  if (typeof schema === 'object' && schema !== null && !('~standard' in schema)) return schema as JsonSchema
  const expected = 'JSON Schema, or a Standard Schema with JSON Schema output'
  throw new ConfigurationError(
    `${what} must be ${expected}, got ${typeof schema === 'object' ? 'another schema' : typeof schema}`,
  )
}

function said(what: string, convert: () => unknown): JsonSchema {
  try {
    return convert() as JsonSchema
  } catch (cause) {
    throw new ConfigurationError(`${what} cannot be said as JSON Schema: ${(cause as Error).message}`, { cause })
  }
}

function saysItself(schema: unknown): schema is StandardJSONSchemaV1 {
  const standard: unknown = Object(schema)['~standard']
  return typeof Object(Object(standard).jsonSchema).input === 'function'
}
