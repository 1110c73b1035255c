import { type Call, type Clock, CommunicationError, describeEndpoint, type Health, keyed, type Stage, UP } from '@comm/core'
import { type HealthCheckOptions, LoadBalancer, pick } from '@comm/core/balancing'
import { checkArgument, nonEmptyText, withMethods } from '@comm/core/options'
import { refuse } from '../refuse.ts'
import type { HttpRequest } from '../request.ts'
import { HttpStreamResponse } from '../response.ts'
import { instanceVerdict } from '../verdicts.ts'
import type { Destination } from './destination.ts'
import type { Endpoints, HttpBalancerOptions, HttpHealthCheck } from './options.ts'

/** Asks an instance for a path. @throws CommunicationError the instance is not well */
export type Probe = (path: string) => HealthCheckOptions['probe']

export interface ServicesParts {
  readonly balancer: HttpBalancerOptions
  readonly clock: Clock
  readonly probe: Probe
}

const THROUGH: Stage = { name: 'no service' }

/** The services that a client calls, each with a balancer over its instances. */
export class Services {
  /** Picks an instance for each attempt of a request that goes to a service. */
  readonly stage: Stage
  readonly #endpoints: Endpoints
  readonly #parts: ServicesParts
  readonly #balancers = new Map<string, LoadBalancer>()
  #isClosed = false

  /** @throws ConfigurationError */
  constructor({ service }: Destination, endpoints: Endpoints, parts: ServicesParts) {
    this.#endpoints = endpoints
    this.#parts = parts
    const { key } = parts.balancer
    if (key !== undefined) checkArgument('HttpClient.balancer.key', key, { expected: 'a function', accepts: isFunction })
    const stageOf = (name: string): Stage =>
      pick(this.#balancerOf(name), {
        classify: instanceVerdict,
        holds: staysBusy,
        ...(key === undefined ? {} : { key: (call: Call) => key(call.argument as HttpRequest) }),
      })
    if (service !== undefined) {
      this.stage = stageOf(service)
    } else {
      this.#make('any', []).close()
      this.stage = keyed((name) => (name === undefined ? THROUGH : stageOf(name as string)), { name: 'pick', key: serviceOf })
    }
  }

  get balancers(): ReadonlyMap<string, LoadBalancer> {
    return this.#balancers
  }

  /** Where an instance is: `host:port`. */
  addressOf(id: string | undefined): string | undefined {
    if (id === undefined || this.#isClosed) return undefined
    for (const { instances } of this.#balancers.values()) {
      const found = instances.find(({ instance }) => instance.id === id)
      if (found !== undefined) return describeEndpoint(found.instance)
    }
    return undefined
  }

  /** Degraded while a service has no instance that is well. */
  health(): Health {
    if (this.#isClosed) return UP
    const without = [...this.#balancers.values()].filter(
      ({ instances }) => !instances.some(({ isHealthy, isEjected }) => isHealthy && !isEjected),
    )
    if (without.length === 0) return UP
    const details = Object.fromEntries(without.map(({ name, instances }) => [name, instances]))
    return { status: 'degraded', reason: `${without.map(({ name }) => name).join(', ')} has no instance that is well`, details }
  }

  close(): void {
    this.#isClosed = true
    for (const balancer of this.#balancers.values()) balancer.close()
  }

  #balancerOf(service: string): LoadBalancer {
    if (this.#isClosed)
      throw new CommunicationError(`service ${service} was not called: the client is closed`, { code: 'COMM_CLOSED' })
    let balancer = this.#balancers.get(service)
    if (balancer === undefined) {
      balancer = this.#make(service, this.#instancesOf(service))
      this.#balancers.set(service, balancer)
    }
    return balancer
  }

  #instancesOf(service: string): Exclude<Endpoints, (service: string) => unknown> {
    if (typeof this.#endpoints !== 'function') return this.#endpoints
    const source = this.#endpoints(service)
    checkArgument(`endpoints('${service}')`, source, withMethods('an EndpointSource', 'ready', 'watch'))
    return source
  }

  #make(service: string, instances: Exclude<Endpoints, (service: string) => unknown>): LoadBalancer {
    const { balancer, clock, probe } = this.#parts
    const { key: _key, healthCheck, ...options } = balancer
    return new LoadBalancer({
      ...options,
      name: `service ${service}`,
      instances,
      clock,
      ...(healthCheck === undefined ? {} : { healthCheck: checkOf(healthCheck, probe) }),
    })
  }
}

function checkOf(given: HttpHealthCheck, probe: Probe): HealthCheckOptions {
  if (!('path' in given)) return given
  const { path, ...rest } = given
  if (!nonEmptyText.accepts(path) || !path.startsWith('/') || 'probe' in rest) {
    refuse('HttpClient.balancer.healthCheck', "given one of a path such as '/health' and probe()", 'something else')
  }
  return { ...rest, probe: probe(path) }
}

/** A stream keeps its instance busy until it has been read. */
function staysBusy(answer: unknown, release: () => void): boolean {
  if (!(answer instanceof HttpStreamResponse) || answer.body.closed) return false
  answer.body.once('close', release)
  return true
}

function serviceOf({ argument }: Call): string | undefined {
  return (argument as HttpRequest).service
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function'
}
