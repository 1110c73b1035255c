import { ValidationError } from '@comm/core'
import type { ClientExchange } from '../exchange/client-exchange.ts'
import { refused } from '../message/request-head.ts'
import type { OpenApiDocument } from '../openapi/document.ts'
import type { Presented } from '../openapi/parameters.ts'
import { type BodyCheck, type RequestCheck, requestChecks } from '../openapi/request-checks.ts'
import { type Issue, MOST_ISSUES } from './issues.ts'
import type { RouteStep } from './step.ts'
import { MOST_HOOKED_BYTES } from './transform.ts'

export interface OpenApiValidation {
  readonly document: OpenApiDocument
  /** @default the path of the document's first server */
  readonly basePath?: string
  /** What the document does not have is answered with 404 or 405, or goes on. @default 'refuse' */
  readonly unknown?: 'refuse' | 'pass'
}

/** @throws Error for a document that cannot be used, with the place in it */
export function validateOpenApiStep({ document, basePath, unknown = 'refuse' }: OpenApiValidation): RouteStep {
  const table = requestChecks(document, basePath?.replace(/\/$/, ''))
  return {
    name: 'validate',
    enter(exchange: ClientExchange): boolean | Promise<boolean> {
      const { method, pathname } = exchange
      const path = exchange.route?.rewrite?.(pathname) ?? pathname
      const found = table.find(method, path)
      if (found?.kept === undefined) {
        if (unknown === 'pass') return false
        if (found === undefined) throw refused(404, 'the API has no such path')
        throw refused(405, `the method ${method} is not allowed here`, { allow: found.methods })
      }
      throwIfAny(found.kept.parameters(presentedBy(exchange, found.parameters)))
      return checkBody(exchange, found.kept)
    },
  }
}

function checkBody(exchange: ClientExchange, { isBodyRequired, bodyOf }: RequestCheck): boolean | Promise<boolean> {
  if (!exchange.asked.hasBody && !exchange.isBodyRead) {
    if (isBodyRequired) throwIfAny([{ path: 'body', message: 'is required' }])
    return false
  }
  const contentType = exchange.header('content-type')
  const check = bodyOf(contentType)
  if (check === undefined) throw refused(415, `the API takes no body of type ${JSON.stringify(contentType ?? '')} here`)
  // A body that nobody looks into is streamed.
  if (check.kind === 'none') return false
  return exchange.readBody(MOST_HOOKED_BYTES).then((whole) => {
    throwIfAny(issuesIn(whole, check))
    exchange.replaceBody(whole)
    return false
  })
}

function issuesIn(body: Buffer, { kind, check }: BodyCheck): readonly Issue[] {
  const text = body.toString('utf8')
  if (kind === 'form') return check(formOf(new URLSearchParams(text)))
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return [{ path: 'body', message: 'is not JSON' }]
  }
  return check(value)
}

function formOf(form: URLSearchParams): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    [...new Set(form.keys())].map((name) => {
      const all = form.getAll(name)
      return [name, all.length === 1 ? all[0] : all]
    }),
  )
}

function presentedBy(exchange: ClientExchange, path: Presented['path']): Presented {
  return {
    path,
    query: new URLSearchParams(exchange.search),
    header: (name) => exchange.header(name),
    cookies: () => cookiesOf(exchange.header('cookie')),
  }
}

function cookiesOf(header = ''): Readonly<Record<string, string>> {
  const pairs = header.split(/;\s*/).filter((pair) => pair.includes('='))
  return Object.fromEntries(pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]))
}

/** The first part that is wrong is named in words, all of them as data. */
function throwIfAny(issues: readonly Issue[]): void {
  if (issues.length === 0) return
  const some = issues.slice(0, MOST_ISSUES)
  const lines = some.map(({ path, message }) => `${path} ${message}`)
  throw new ValidationError(`the request is not what the API takes: ${lines.join('; ')}`, { details: { issues: some } })
}
