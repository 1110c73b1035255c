import type { Ajv, ErrorObject, Options, ValidateFunction } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { fullFormats } from 'ajv-formats/dist/formats.js'
import { type Issue, issuesOf } from '../steps/issues.ts'
import { forRequests, modern } from './dialect.ts'
import { asData, isOpenApi30, type OpenApiDocument, pointerTo, resolved } from './document.ts'
import { type Operation, OperationTable } from './operations.ts'
import { type Parameter, type ParameterPlace, type Presented, parametersOf } from './parameters.ts'

/** How a body of some type is checked. */
export interface BodyCheck {
  readonly kind: 'json' | 'form' | 'none'
  check(value: unknown): readonly Issue[]
}

/** What requests of an operation must be like. */
export interface RequestCheck {
  /** @returns everything that is wrong with what stands in the path, the query and the fields */
  parameters(presented: Presented): readonly Issue[]
  readonly isBodyRequired: boolean
  /** @returns undefined: a body of this type is not wanted */
  bodyOf(contentType: string | undefined): BodyCheck | undefined
}

const ID = 'openapi'
const OPTIONS: Options = { allErrors: true, strict: false, validateSchema: false, logger: false, formats: fullFormats }
const NAMES: Readonly<Record<ParameterPlace, string>> = { path: 'path', query: 'query', header: 'headers', cookie: 'cookies' }

/** One compilation per document: a configuration is checked before it is taken on, and has the same documents then. */
const compiled = new WeakMap<OpenApiDocument, Map<string | undefined, OperationTable<RequestCheck>>>()

/** The checks of every operation, by path and method. @throws Error for a document that is none, with the place in it */
export function requestChecks(document: OpenApiDocument, base: string | undefined): OperationTable<RequestCheck> {
  const known = compiled.get(document) ?? new Map<string | undefined, OperationTable<RequestCheck>>()
  compiled.set(document, known)
  let table = known.get(base)
  if (table === undefined) {
    table = new Compiler(document).table(base)
    known.set(base, table)
  }
  return table
}

class Compiler {
  readonly #document: OpenApiDocument
  readonly #strict: Ajv
  /** What stands in a text becomes what the schema wants. */
  readonly #lenient: Ajv

  constructor(given: OpenApiDocument) {
    const document = isOpenApi30(given) ? modern(given) : given
    this.#document = document
    const schemas = forRequests(document, (schema) => resolved(document, schema, '#').value)
    this.#strict = new Ajv2020(OPTIONS)
    this.#lenient = new Ajv2020({ ...OPTIONS, coerceTypes: 'array' })
    for (const ajv of [this.#strict, this.#lenient]) ajv.addSchema(schemas, ID)
  }

  table(base: string | undefined): OperationTable<RequestCheck> {
    return new OperationTable(this.#document, base, (operation) => {
      try {
        return this.#checkOf(operation)
      } catch (cause) {
        throw new Error(`${operation.method} ${operation.path}: ${(cause as Error).message}`, { cause })
      }
    })
  }

  #checkOf({ item, own }: Operation): RequestCheck {
    const parameters = parametersOf(this.#document, [item, own])
    const places = (['path', 'query', 'header', 'cookie'] as const)
      .map((place) => parameters.filter((parameter) => parameter.place === place))
      .filter((some) => some.length > 0)
      .map((some) => this.#placeCheck(some))
    const { requestBody } = own.value
    const body = requestBody === undefined ? undefined : resolved(this.#document, requestBody, `${own.pointer}/requestBody`)
    const checks = Object.keys(asData(body?.value['content'])).map(
      (type) => [mediaType(type), this.#bodyCheck(`${body?.pointer}`, type, body?.value)] as const,
    )
    return {
      parameters: (presented) => places.flatMap((check) => check(presented)),
      isBodyRequired: body?.value['required'] === true,
      bodyOf: (contentType) =>
        body === undefined || checks.length === 0 ? ANY_BODY : chosen(checks, mediaType(contentType ?? '')),
    }
  }

  #placeCheck(parameters: readonly Parameter[]): (presented: Presented) => readonly Issue[] {
    const what = NAMES[(parameters[0] as Parameter).place]
    const validate = this.#lenient.compile({
      type: 'object',
      properties: Object.fromEntries(
        parameters.map(({ name, schema }) => [name, schema === undefined ? {} : { $ref: ID + schema }]),
      ),
      required: parameters.filter(({ isRequired }) => isRequired).map(({ name }) => name),
    })
    return (presented) => {
      const values: Record<string, unknown> = Object.create(null) as Record<string, unknown>
      const issues: Issue[] = []
      for (const { name, read } of parameters) {
        try {
          const value = read(presented)
          if (value !== undefined) values[name] = value
        } catch {
          issues.push({ path: `${what}.${name}`, message: 'is not JSON' })
        }
      }
      if (issues.length > 0) return issues
      return validate(values) ? [] : issuesOf(what, validate.errors as ErrorObject[])
    }
  }

  #bodyCheck(pointer: string, type: string, body: unknown): BodyCheck {
    const kind = /[/+]json$/.test(mediaType(type))
      ? 'json'
      : mediaType(type) === 'application/x-www-form-urlencoded'
        ? 'form'
        : 'none'
    const schema = asData(asData(asData(body)['content'])[type])['schema']
    if (kind === 'none' || schema === undefined) return { kind: kind === 'json' ? kind : 'none', check: () => [] }
    const validate: ValidateFunction = (kind === 'json' ? this.#strict : this.#lenient).compile({
      $ref: `${ID}${pointer}/${pointerTo('content', type, 'schema').slice(2)}`,
    })
    return { kind, check: (value) => (validate(value) ? [] : issuesOf('body', validate.errors)) }
  }
}

const ANY_BODY: BodyCheck = { kind: 'none', check: () => [] }

/** The most special one: `application/json` before `application/*` before anything. */
function chosen(checks: readonly (readonly [type: string, check: BodyCheck])[], type: string): BodyCheck | undefined {
  const [family] = type.split('/')
  for (const wanted of [type, `${family}/*`, '*/*']) {
    const found = checks.find(([own]) => own === wanted)
    if (found !== undefined) return found[1]
  }
  return undefined
}

function mediaType(text: string): string {
  return (text.split(';')[0] as string).trim().toLowerCase()
}
