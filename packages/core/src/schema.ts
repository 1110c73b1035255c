export { type JsonSchema, type JsonSchemaOptions, jsonSchemaOf } from './json-schema.ts'
export { loadExport, loadModule } from './load-export.ts'

import type { StandardSchemaV1 } from '@standard-schema/spec'
import { ValidationError } from './errors/errors.ts'
import type { Rule } from './options.ts'
import { isSecretKey, REDACTED, redactCredentials } from './redact.ts'

export const standardSchema: Rule = {
  expected: 'a schema that implements Standard Schema (zod, valibot, arktype …)',
  accepts: (value) => {
    const standard = (value as { '~standard'?: { version?: unknown; validate?: unknown } } | null | undefined)?.['~standard']
    return standard?.version === 1 && typeof standard.validate === 'function'
  },
}

const MOST_ISSUES = 20
const MOST_CHARACTERS = 200
/** Some libraries quote the value: valibot `but received "…"`, arktype `(was "…")`. */
const QUOTED_VALUE = /\b(received|was|got) (["'`])(?:.*\2|.*)/gs
const MOST_READ = 1000

/**
 * Checks a value, and gives what the schema makes of it. Only a promise when the schema works asynchronously.
 * @param what completes `… does not match its schema`
 * @throws ValidationError, `details.issues` with path and message each; the value itself never appears
 */
export function matching<Output>(
  what: string,
  schema: StandardSchemaV1<unknown, Output>,
  value: unknown,
): Output | Promise<Output> {
  const result = schema['~standard'].validate(value)
  return result instanceof Promise ? result.then((late) => accepted(what, late)) : accepted(what, result)
}

function accepted<Output>(what: string, result: StandardSchemaV1.Result<Output>): Output {
  if (result.issues === undefined) return result.value
  const issues = result.issues.slice(0, MOST_ISSUES).map((issue) => {
    const path = (issue.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part))
    return { path: path.join('.'), message: path.some(isSecretKey) ? REDACTED : withoutValue(issue.message) }
  })
  const lines = issues.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`))
  const more = result.issues.length - issues.length
  const end = more > 0 ? ` and ${more} more` : ''
  throw new ValidationError(`${what} does not match its schema: ${lines.join('; ')}${end}`, { details: { issues } })
}

function withoutValue(message: string): string {
  const text = redactCredentials(message.slice(0, MOST_READ).replace(QUOTED_VALUE, `$1 ${REDACTED}`))
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS - 3)}...` : text
}
