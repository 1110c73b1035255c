import type { Clock, Logger } from '@comm/core'
import { apiSource } from '../grpc/grpc-api.ts'
import type { ClientOf } from '../grpc/grpc-clients.ts'
import { PathPattern } from '../routing/path-pattern.ts'
import { type Rewrite, rewriteOf } from '../routing/rewrite.ts'
import type { RouteTarget } from '../routing/route.ts'
import { aggregateStep } from '../steps/aggregate.ts'
import { authStep } from '../steps/auth.ts'
import { cacheStep } from '../steps/cache.ts'
import { clientCertificateStep } from '../steps/client-certificate.ts'
import { corsStep } from '../steps/cors.ts'
import { grpcStep } from '../steps/grpc.ts'
import { mirrorStep } from '../steps/mirror.ts'
import { openApiStep } from '../steps/openapi.ts'
import { rateLimitStep } from '../steps/rate-limit.ts'
import type { RouteStep } from '../steps/step.ts'
import { transformStep } from '../steps/transform.ts'
import { validateStep } from '../steps/validate.ts'
import { documentedRoute, documentedServices } from './documented.ts'
import type { RouteConfig } from './route-config.ts'
import type { Service } from './service.ts'

export interface StepParts {
  readonly clock: Clock
  readonly logger: Logger
  /** @param config of the route whose time limits take the place of the service's */
  readonly targetOf: (service: string, config?: RouteConfig) => RouteTarget
  readonly grpcClientOf: (service: string) => ClientOf
  /** Aborts when the gateway closes. */
  readonly closing: AbortSignal
  readonly services: Iterable<Service>
  readonly routes: readonly RouteConfig[]
}

/**
 * The steps of a route, in the order in which they run: CORS answers before anybody must show who it is, who it is comes before what is
 * counted by it, and the cache is asked for what the service would see.
 */
export function stepsOf(config: RouteConfig, parts: StepParts): readonly RouteStep[] {
  const { clock, logger, targetOf, grpcClientOf, closing } = parts
  const { path, name = path, cors, auth, rateLimit, validate, transform, mirror, aggregate, grpc, openapi, cache } = config
  const steps: RouteStep[] = []
  if (cors !== undefined) steps.push(corsStep(cors))
  if (config.clientCertificate === true) steps.push(clientCertificateStep)
  if (auth !== undefined) steps.push(authStep(name, auth))
  if (rateLimit !== undefined) steps.push(rateLimitStep(name, rateLimit, clock))
  if (validate !== undefined) steps.push(validateStep(validate))
  if (transform !== undefined) steps.push(transformStep(transform))
  if (mirror !== undefined) {
    const { upstream, timeouts } = targetOf(mirror.service)
    steps.push(mirrorStep({ upstream, ratio: mirror.ratio ?? 1, timeouts, closing }))
  }
  if (cache !== undefined && cache !== false) steps.push(cacheStep(cache === true ? {} : cache, closing))
  if (aggregate !== undefined) {
    const pattern = new PathPattern(path)
    const asked = Object.entries(aggregate).map(([part, { service, path: template, required = false }]) => {
      const { upstream, timeouts } = targetOf(service, config)
      return { name: part, upstream, timeouts, rewrite: rewriteOf(pattern, undefined, template) as Rewrite, isRequired: required }
    })
    steps.push(aggregateStep(asked))
  }
  if (grpc !== undefined) {
    const clientOf = grpcClientOf(grpc.service)
    const totalMs = config.timeouts?.totalMs ?? targetOf(grpc.service).timeouts.totalMs
    const api = apiSource(grpc, { clientOf, clock, logger })
    steps.push(grpcStep(grpc, { pattern: new PathPattern(path), clientOf, api, totalMs, retries: config.retry ?? true }))
  }
  if (openapi !== undefined) {
    const merged = openapi === true ? {} : openapi
    steps.push(openApiStep(merged, documentedServices(merged, parts), parts.routes.map(documentedRoute)))
  }
  return steps
}
