import type { EndpointSource } from '@comm/core/balancing'
import type { HttpRequest } from '@comm/http'
import { ChangingStrategy } from './changing-strategy.ts'
import { SplitEndpoints } from './split-endpoints.ts'
import { type ServiceTraffic, sessionOf, strategyOf, type TrafficConfig } from './traffic.ts'

/** How one service is reached; what the traffic configuration says of it may change. */
export class Route {
  readonly endpoints: SplitEndpoints
  readonly strategy: ChangingStrategy
  #traffic: ServiceTraffic

  constructor(source: EndpointSource, traffic: ServiceTraffic) {
    this.#traffic = traffic
    this.endpoints = new SplitEndpoints(source, traffic.split)
    this.strategy = new ChangingStrategy(strategyOf(traffic))
  }

  /** What the session of a request is known by. */
  readonly key = (request: HttpRequest): string | undefined => sessionOf(this.#traffic, request)

  change(traffic: ServiceTraffic): void {
    this.#traffic = traffic
    this.strategy.current = strategyOf(traffic)
    this.endpoints.change(traffic.split)
  }
}

const NO_RULES: ServiceTraffic = Object.freeze({})

/** One for each service that is called, whatever over. */
export class Routes {
  readonly #sourceOf: (service: string) => EndpointSource
  readonly #routes = new Map<string, Route>()
  #traffic: TrafficConfig

  constructor(sourceOf: (service: string) => EndpointSource, traffic: TrafficConfig) {
    this.#sourceOf = sourceOf
    this.#traffic = traffic
  }

  of(service: string): Route {
    let route = this.#routes.get(service)
    if (route === undefined) {
      route = new Route(this.#sourceOf(service), this.#rulesOf(service))
      this.#routes.set(service, route)
    }
    return route
  }

  change(traffic: TrafficConfig): void {
    this.#traffic = traffic
    for (const [service, route] of this.#routes) route.change(this.#rulesOf(service))
  }

  #rulesOf(service: string): ServiceTraffic {
    return Object.hasOwn(this.#traffic, service) ? (this.#traffic[service] ?? NO_RULES) : NO_RULES
  }
}
