import { STATUS_CODES } from 'node:http'
import { type JsonSchema, jsonSchemaOf } from '@comm/core/schema'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { checkContract, type ServiceContract } from '../contract.ts'
import { type AnyRoute, noBody, parametersOf } from '../route.ts'
import { Components } from './components.ts'
import type { JsonDocument } from './json-document.ts'
import { PROBLEM } from './problem.ts'

/**
 * The OpenAPI 3.1 document of the routes that a service has. Requests are the input side of their schemas, answers the output side. Every operation
 * may be answered with a problem document, its `default`.
 * @throws ConfigurationError for a schema that cannot say itself as JSON Schema
 */
export function openApi(contract: ServiceContract): JsonDocument {
  checkContract('contract', contract)
  const { title, version, description, routes = [] } = contract
  const components = new Components()
  const problem = components.add('Problem', PROBLEM)
  const paths: Record<string, Record<string, object>> = {}
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route, components, problem) }
  }
  return {
    openapi: '3.1.0',
    info: { title, version, ...(description !== undefined && { description }) },
    paths,
    components: { schemas: components.schemas },
  }
}

type Ref = { readonly $ref: string }

function operation(route: AnyRoute, components: Components, problem: Ref): object {
  const { id, summary, tags, body } = route
  const parameters = [...inPath(route, components), ...inQuery(route, components)]
  return {
    operationId: id,
    ...(summary !== undefined && { summary }),
    ...(tags !== undefined && { tags }),
    ...(parameters.length > 0 && { parameters }),
    ...(body && {
      requestBody: { required: true, content: json(components.add(`${id}.body`, said(`the body of ${id}`, body))) },
    }),
    responses: responses(route, components, problem),
  }
}

function responses({ id, answers, problems = {} }: AnyRoute, components: Components, problem: Ref): object {
  const all: Record<string, object> = {}
  for (const [status, schema] of Object.entries(answers)) {
    const description = STATUS_CODES[status] ?? status
    const body = (): Ref => components.add(`${id}.${status}`, said(`the answer ${status} of ${id}`, schema, 'output'))
    all[status] = { description, ...(schema !== noBody && { content: json(body()) }) }
  }
  for (const [status, description] of Object.entries(problems)) all[status] = { description, content: problemJson(problem) }
  all['default'] = { description: 'Any failure', content: problemJson(problem) }
  return all
}

function inPath(route: AnyRoute, components: Components): readonly object[] {
  const found = route.params && parameters('path', route.id, said(`the parameters of ${route.id}`, route.params), components)
  return parametersOf(route.path).map(
    (name) => found?.find((each) => each.name === name) ?? { name, in: 'path', required: true, schema: { type: 'string' } },
  )
}

function inQuery({ id, query }: AnyRoute, components: Components): readonly object[] {
  return query === undefined ? [] : parameters('query', id, said(`the query of ${id}`, query), components)
}

interface Parameter {
  readonly name: string
}

function parameters(place: 'path' | 'query', id: string, schema: JsonSchema, components: Components): readonly Parameter[] {
  return Object.entries(schema.properties ?? {}).map(([name, given]) => {
    const property = typeof given === 'object' ? given : {}
    const { description } = property
    // What it refers to is a part of the whole, which then has to be there.
    const isAlone = !JSON.stringify(property).includes('"$ref"')
    const own = isAlone ? property : { $ref: `${components.add(`${id}.${place}`, schema).$ref}/properties/${name}` }
    return {
      name,
      in: place,
      required: place === 'path' || (schema.required ?? []).includes(name),
      ...(description !== undefined && { description }),
      schema: own,
    }
  })
}

function said(what: string, schema: StandardSchemaV1, side: 'input' | 'output' = 'input'): JsonSchema {
  return jsonSchemaOf(what, schema, { side })
}

function json(schema: Ref): object {
  return { 'application/json': { schema } }
}

function problemJson(schema: Ref): object {
  return { 'application/problem+json': { schema } }
}
