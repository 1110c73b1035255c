import { type Clock, type EndpointSource, type Instance, type Logger, type Pipeline, pipeline, type Stage } from '@comm/core'
import { LoadBalancer, pick, type StaticEndpoints, staticEndpoints } from '@comm/core/balancing'
import { Connections } from '@comm/http/undici'
import { Client } from 'undici'
import type { Service } from '../config/service.ts'
import { probeWith } from './probe.ts'
import type { ServiceTls } from './service-tls.ts'
import { STRATEGIES } from './strategies.ts'
import { type Protected, verdictOf } from './upstream-call.ts'

export interface UpstreamParts {
  readonly clock: Clock
  readonly logger: Logger
  readonly tls: ServiceTls | undefined
  /** Outermost first; they outlive this. */
  readonly stages: readonly Stage[]
}

/** A service as the gateway calls it: its instances, the connections to them, and the policies in front of them. */
export class Upstream {
  readonly name: string
  readonly clock: Clock
  readonly tls: ServiceTls | undefined
  readonly balancer: LoadBalancer
  readonly basePath: string
  pipeline: Pipeline
  maxRetries = 0
  retryStatuses: ReadonlySet<number> = new Set()
  failureStatuses: ReadonlySet<number> = new Set()
  /** Calls that are not over. */
  inFlight = 0
  #service: Service
  readonly #source: EndpointSource
  readonly #static: StaticEndpoints | undefined
  readonly #connections = new Map<string, Connections>()
  readonly #pick: Stage
  readonly #unwatch: () => void
  #isClosing = false

  constructor(service: Service, { clock, logger, stages, tls }: UpstreamParts) {
    const { name, instances, balancing, healthCheck, outlierDetection, basePath } = service
    this.name = name
    this.clock = clock
    this.tls = tls
    this.basePath = basePath
    this.#service = service
    this.#static = 'watch' in instances ? undefined : staticEndpoints(instances)
    this.#source = this.#static ?? (instances as EndpointSource)
    this.balancer = new LoadBalancer({
      name,
      instances: this.#source,
      strategy: STRATEGIES[balancing](),
      outlierDetection,
      clock,
      logger,
      ...(healthCheck === undefined
        ? {}
        : { healthCheck: { ...healthCheck.timing, probe: probeWith(service.protocol, healthCheck.path, tls) } }),
    })
    this.#pick = pick(this.balancer, {
      classify: verdictOf,
      ...(balancing === 'consistentHash' ? { key: (call) => (call.argument as Protected).key } : {}),
    })
    const ends = [this.#source.watch(this.#forgetAbsent), tls?.onChange(() => this.#forgetIdle())]
    this.#unwatch = () => {
      for (const end of ends) end?.()
    }
    this.pipeline = this.#pipelineOf(stages)
    this.#adopt(service)
  }

  /** Whether it can go on under this configuration, with what it knows of its instances. */
  canBecome(service: Service, tls: ServiceTls | undefined): boolean {
    return (
      tls === this.tls &&
      service.identity === this.#service.identity &&
      (this.#static === undefined) === 'watch' in service.instances &&
      (this.#static !== undefined || service.instances === this.#source)
    )
  }

  /** Goes on under another configuration. */
  become(service: Service, stages: readonly Stage[]): void {
    this.#service = service
    this.pipeline = this.#pipelineOf(stages)
    this.#adopt(service)
    this.#static?.replace(service.instances as readonly (string | Instance)[])
  }

  /** Begins with the active health checks. */
  start(): void {
    this.balancer.start()
  }

  connectionsTo({ id, host, port }: Instance): Connections {
    let connections = this.#connections.get(id)
    if (connections === undefined) {
      const { protocol, connections: limits } = this.#service
      const at = host.includes(':') ? `[${host}]` : host
      const { tls } = this
      const route = {
        origin: `${protocol}://${at}:${port}`,
        get tls() {
          return tls?.current
        },
        proxy: undefined,
      }
      connections = new Connections(route, limits, () => undefined)
      this.#connections.set(id, connections)
    }
    return connections
  }

  /** A client for one connection that becomes another protocol's. */
  tunnelTo({ host, port }: Instance): Client {
    const { protocol } = this.#service
    const { tls } = this
    const at = host.includes(':') ? `[${host}]` : host
    return new Client(`${protocol}://${at}:${port}`, {
      headersTimeout: 0,
      bodyTimeout: 0,
      ...(tls === undefined ? {} : { connect: { ...tls.current } }),
    })
  }

  /** Lets go of everything once the calls under way are over. Idempotent. */
  close(): void {
    this.#isClosing = true
    if (this.inFlight === 0) this.#end()
  }

  ended(): void {
    this.inFlight--
    if (this.#isClosing && this.inFlight === 0) this.#end()
  }

  #end(): void {
    this.#unwatch()
    this.balancer.close()
    for (const connections of this.#connections.values()) void connections.closeIdle()
  }

  #adopt({ retry, failureStatuses }: Service): void {
    this.maxRetries = retry === undefined ? 0 : retry.maxRetries
    this.retryStatuses = new Set(retry?.statuses)
    this.failureStatuses = new Set(failureStatuses)
  }

  #pipelineOf(stages: readonly Stage[]): Pipeline {
    return pipeline([...stages, this.#pick], { clock: this.clock })
  }

  /** Certificates have changed: calls under way end on the connections that they have, others get new ones. */
  #forgetIdle(): void {
    const before = [...this.#connections.values()]
    this.#connections.clear()
    for (const connections of before) void connections.closeIdle()
  }

  readonly #forgetAbsent = (): void => {
    const present = new Set(this.#source.instances.map(({ id }) => id))
    for (const [id, connections] of this.#connections) {
      if (present.has(id)) continue
      this.#connections.delete(id)
      void connections.closeIdle()
    }
  }
}
