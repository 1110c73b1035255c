import type { ClientExchange } from '../exchange/client-exchange.ts'
import type { OpenApiDocument } from '../openapi/document.ts'
import type { FetchedDocument } from '../openapi/fetched-document.ts'
import { type DocumentedRoute, mergedDocument } from '../openapi/merge.ts'
import type { RouteStep } from './step.ts'

/** One OpenAPI document of what services that have one (`openapi` of a service) serve through the gateway. */
export interface OpenApiRouteConfig {
  /** @default 'API' */
  readonly title?: string
  /** @default '1' */
  readonly version?: string
  /** How old the document of a service may be. @default 60000 */
  readonly ttlMs?: number
  /** How long a service is waited for. @default 5000 */
  readonly timeoutMs?: number
}

export const OPENAPI_ROUTE_DEFAULTS: Readonly<Required<OpenApiRouteConfig>> = Object.freeze({
  title: 'API',
  version: '1',
  ttlMs: 60_000,
  timeoutMs: 5000,
})

export interface DocumentedService {
  readonly service: string
  readonly basePath: string
  readonly fetched: FetchedDocument
}

/** What is missing is named in `info['x-missing']`; the rest is answered nevertheless. */
export function openApiStep(
  config: OpenApiRouteConfig,
  services: readonly DocumentedService[],
  routes: readonly DocumentedRoute[],
): RouteStep {
  const { title = OPENAPI_ROUTE_DEFAULTS.title, version = OPENAPI_ROUTE_DEFAULTS.version } = config
  let made: { readonly of: readonly unknown[]; readonly text: string } | undefined
  const textOf = (): string => {
    const of = services.map(({ fetched }) => fetched.document ?? fetched.problem)
    if (made?.of.every((each, at) => each === of[at]) === true) return made.text
    const documents = services.flatMap(({ service, basePath, fetched: { document } }) =>
      document === undefined ? [] : [{ service, basePath, document: document as OpenApiDocument }],
    )
    const missing = services.flatMap(({ service, fetched: { document, problem } }) =>
      document === undefined ? [{ service, reason: problem }] : [],
    )
    made = { of, text: JSON.stringify(mergedDocument(routes, documents, { title, version, missing })) }
    return made.text
  }
  return {
    name: 'openapi',
    async enter(exchange: ClientExchange): Promise<boolean> {
      await Promise.all(services.map(({ fetched }) => fetched.refresh()))
      exchange.respond(200, ['content-type', 'application/json'], textOf())
      return true
    },
  }
}
