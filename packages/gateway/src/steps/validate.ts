import { ValidationError } from '@comm/core'
import { Ajv, type ValidateFunction } from 'ajv'
import type { ClientExchange } from '../exchange/client-exchange.ts'
import { issuesOf } from './issues.ts'
import type { RouteStep } from './step.ts'
import { MOST_HOOKED_BYTES } from './transform.ts'
import { type OpenApiValidation, validateOpenApiStep } from './validate-openapi.ts'

/** JSON Schemas (draft 7) that requests of a route must match. */
export interface ValidateConfig {
  /** Of the JSON body. */
  readonly body?: object
  /** Of the query as an object; values are turned into what the schema wants. */
  readonly query?: object
  /** Of the fields, by lower-case names. */
  readonly headers?: object
  /** In place of these: what an OpenAPI document (3.0 or 3.1) says about the operation, which is found by the path that the service sees. */
  readonly openapi?: OpenApiValidation
}

/** @throws Error for a schema or a document that is none */
export function validateStep(config: ValidateConfig): RouteStep {
  return config.openapi === undefined ? validateSchemas(config) : validateOpenApiStep(config.openapi)
}

function validateSchemas(config: ValidateConfig): RouteStep {
  const strict = new Ajv({ allErrors: true, strict: false })
  const lenient = new Ajv({ allErrors: true, strict: false, coerceTypes: 'array' })
  const body = config.body && strict.compile(config.body)
  const query = config.query && lenient.compile(config.query)
  const headers = config.headers && lenient.compile(config.headers)
  return {
    name: 'validate',
    enter(exchange: ClientExchange): boolean | Promise<boolean> {
      if (query !== undefined) check('query', query, queryOf(exchange.search))
      if (headers !== undefined) check('headers', headers, { ...exchange.request.headers })
      if (body === undefined) return false
      if (!exchange.asked.hasBody) {
        check('body', body, undefined)
        return false
      }
      return exchange.readBody(MOST_HOOKED_BYTES).then((whole) => {
        check('body', body, parsed(whole))
        exchange.replaceBody(whole)
        return false
      })
    },
  }
}

function check(what: string, validate: ValidateFunction, value: unknown): void {
  if (validate(value)) return
  const issues = issuesOf(what, validate.errors)
  const lines = issues.map(({ path, message }) => `${path} ${message}`)
  throw new ValidationError(`the ${what} of the request does not match its schema: ${lines.join('; ')}`, { details: { issues } })
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    throw new ValidationError('the body of the request is not JSON', {
      details: { issues: [{ path: 'body', message: 'is not JSON' }] },
    })
  }
}

function queryOf(search: string): Record<string, string | string[]> {
  const parameters = new URLSearchParams(search)
  const query: Record<string, string | string[]> = Object.create(null) as Record<string, string | string[]>
  for (const name of new Set(parameters.keys())) {
    const all = parameters.getAll(name)
    query[name] = all.length === 1 ? (all[0] as string) : all
  }
  return query
}
