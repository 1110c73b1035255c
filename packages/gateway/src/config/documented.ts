import type { Clock, Logger } from '@comm/core'
import { FetchedDocument } from '../openapi/fetched-document.ts'
import type { DocumentedRoute } from '../openapi/merge.ts'
import { PathPattern } from '../routing/path-pattern.ts'
import type { RouteTarget } from '../routing/route.ts'
import { type DocumentedService, OPENAPI_ROUTE_DEFAULTS, type OpenApiRouteConfig } from '../steps/openapi.ts'
import { resolveTimeouts } from '../upstream/timeouts.ts'
import type { RouteConfig } from './route-config.ts'
import type { Service } from './service.ts'

export interface DocumentedParts {
  readonly services: Iterable<Service>
  readonly targetOf: (service: string) => RouteTarget
  readonly clock: Clock
  readonly logger: Logger
}

/** The services that have an OpenAPI document. */
export function documentedServices(
  { ttlMs = OPENAPI_ROUTE_DEFAULTS.ttlMs, timeoutMs = OPENAPI_ROUTE_DEFAULTS.timeoutMs }: OpenApiRouteConfig,
  { services, targetOf, clock, logger }: DocumentedParts,
): readonly DocumentedService[] {
  return [...services].flatMap(({ name, basePath, openapi: path }) => {
    if (path === undefined) return []
    const { upstream, timeouts } = targetOf(name)
    const fetched = new FetchedDocument({
      upstream,
      path,
      timeouts: resolveTimeouts(timeouts, { totalMs: timeoutMs }),
      ttlMs,
      clock,
      logger,
    })
    return [{ service: name, basePath, fetched }]
  })
}

export function documentedRoute({
  path,
  methods,
  hosts,
  headers,
  query,
  service,
  to,
  stripPrefix,
  rewrite,
}: RouteConfig): DocumentedRoute {
  return {
    pattern: new PathPattern(path),
    stripPrefix,
    rewrite,
    methods,
    isConditional: hosts !== undefined || headers !== undefined || query !== undefined,
    service: service ?? mostOf(to ?? []),
  }
}

function mostOf(targets: NonNullable<RouteConfig['to']>): string | undefined {
  return targets.toSorted((one, other) => (other.weight ?? 1) - (one.weight ?? 1))[0]?.service
}
