import { checkOptions, nonEmptyText, type Rule, required, text } from '@comm/core/options'
import { jsonSchemaOf } from '@comm/core/schema'
import { convert } from './convert.ts'
import { numbersIn } from './numbers.ts'
import { print } from './print.ts'

export interface FromSchemaOptions {
  /** Such as `orders.v1`. */
  readonly package: string
  /** The name of the message. */
  readonly message: string
  /** The `.proto` that was made of an earlier version: fields keep their numbers, those of fields that are gone are reserved. */
  readonly before?: string
}

const packageName: Rule = {
  expected: "a package such as 'orders.v1'",
  accepts: (value) => typeof value === 'string' && /^[a-z]\w*(?:\.[a-z]\w*)*$/.test(value),
}

/**
 * The `.proto` of a schema. Objects become messages, arrays `repeated`, enumerations of texts enums, alternatives a `oneof`, dictionaries maps,
 * what is optional or may be null `optional`, `date-time` a Timestamp, base64 bytes.
 * @param schema JSON Schema, or a Standard Schema with JSON Schema output
 * @throws ConfigurationError with the place in the schema that no message can express
 */
export function fromSchema(schema: unknown, options: FromSchemaOptions): string {
  checkOptions<FromSchemaOptions>('fromSchema', options, {
    package: required(packageName),
    message: required(nonEmptyText),
    before: text,
  })
  const file = convert(jsonSchemaOf('the schema', schema), options.message, options.package)
  return print(file, numbersIn(options.before ?? ''))
}
