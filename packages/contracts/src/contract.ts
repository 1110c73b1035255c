import { arrayOf, checkOptions, configurationError, nonEmptyText, object, type Rule, required, text } from '@comm/core/options'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { AnyRoute } from './route.ts'

/** What is read of a topic: `topic()` of `@comm/messaging` makes one. */
export interface TopicLike {
  readonly name: string
  readonly schema: StandardSchemaV1
}

/** All that a service promises to others. */
export interface ServiceContract {
  readonly title: string
  /** Of the contract, not of the program. */
  readonly version: string
  readonly description?: string
  /** Topics that the service publishes to. */
  readonly sends?: readonly TopicLike[]
  /** Topics that the service handles. */
  readonly receives?: readonly TopicLike[]
  readonly routes?: readonly AnyRoute[]
}

const topic: Rule = {
  expected: 'a topic of topic()',
  accepts: (value) => object.accepts(value) && typeof Object(value).name === 'string' && typeof Object(value).schema === 'object',
}
const route: Rule = {
  expected: 'a route of route()',
  accepts: (value) => object.accepts(value) && typeof Object(value).path === 'string' && object.accepts(Object(value).answers),
}

/**
 * Declares what a service sends, receives and serves: `asyncApi()` and `openApi()` make documents of it, and so does `comm docs`.
 * @throws ConfigurationError
 */
export function contract(options: ServiceContract): ServiceContract {
  checkContract('contract', options)
  return Object.freeze({ ...options })
}

/** @throws ConfigurationError */
export function checkContract(what: string, options: ServiceContract): void {
  checkOptions(what, options, {
    title: required(nonEmptyText),
    version: required(nonEmptyText),
    description: text,
    sends: arrayOf(topic),
    receives: arrayOf(topic),
    routes: arrayOf(route),
  })
  const { routes = [] } = options
  differ(
    what,
    'ids',
    routes.map(({ id }) => id),
  )
  differ(
    what,
    'operations',
    routes.map(({ method, path }) => `${method} ${path}`),
  )
}

function differ(what: string, expected: string, names: readonly string[]): void {
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (twice === undefined) return
  const problem = { key: `${what}.routes`, received: `'${twice}' twice`, expected: `routes with ${expected} that differ` }
  throw configurationError(what, [problem])
}
