import type { Logger } from '@comm/core'
import type { EndpointSource, HealthCheckOptions, Instance, LoadBalancerOptions } from '@comm/core/balancing'
import { callable, either, object, type Rule, type Rules, withMethods } from '@comm/core/options'
import type { HttpRequest } from '../request.ts'

/** The instances of one service, or a function that finds those of any: a registry. */
export type Endpoints = EndpointSource | readonly (string | Instance)[] | ((service: string) => EndpointSource)

/** Active checks; the path is asked for with GET, and an answer below 400 is a good one. */
export type HttpHealthCheck = Omit<HealthCheckOptions, 'probe'> &
  ({ readonly path: string } | { readonly probe: HealthCheckOptions['probe'] })

/** How instances are chosen: core's options, each with core's default. */
export interface HttpBalancerOptions
  extends Omit<LoadBalancerOptions, 'instances' | 'name' | 'clock' | 'logger' | 'healthCheck'> {
  /** What `consistentHash()` chooses by: a user, a tenant. @default none */
  readonly key?: (request: HttpRequest) => string | undefined
  /** @default none */
  readonly healthCheck?: HttpHealthCheck
  /** @default silentLogger */
  readonly logger?: Logger
}

/** What a client needs to send each attempt to one of several instances. */
export interface BalancingOptions {
  /**
   * Where the instances are: a list such as `['10.0.0.1:8080', …]`, an EndpointSource, or a function from the name of a service to its
   * source. Each attempt goes to one of them; a retry to one where the call has not been. @default none: requests go where their URL says
   */
  readonly endpoints?: Endpoints
  /** The name that stands in URLs, errors and metrics, and that a function of `endpoints` is given. @default the host of `baseUrl` */
  readonly service?: string
  /** The instances as base URLs that differ in host and port only; in place of `baseUrl` and `endpoints`. */
  readonly baseUrls?: readonly (string | URL)[]
  readonly balancer?: HttpBalancerOptions
}

const serviceName: Rule = {
  expected: 'the name of a service: letters, digits, dots, hyphens and underscores',
  accepts: (value) => typeof value === 'string' && isServiceName(value),
}

/** Whether it can stand in a URL as the host without becoming another. */
export function isServiceName(name: string): boolean {
  return /^[\w.-]+$/.test(name) && URL.parse(`http://${name}`)?.hostname === name.toLowerCase()
}

export const BALANCING_RULES: Rules<BalancingOptions> = {
  endpoints: either(
    { expected: 'an array of instances', accepts: Array.isArray },
    withMethods('an EndpointSource', 'ready', 'watch'),
    {
      expected: 'a function from the name of a service to its EndpointSource',
      accepts: callable.accepts,
    },
  ),
  service: serviceName,
  baseUrls: { expected: 'an array of at least one base URL', accepts: (value) => Array.isArray(value) && value.length > 0 },
  balancer: object,
}
