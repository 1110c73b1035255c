import { isDeepStrictEqual } from 'node:util'
import { type Clock, CommunicationError, type Logger, type Policies, policies } from '@comm/core'
import { GrpcClients } from '../grpc/grpc-clients.ts'
import { Conditions } from '../routing/conditions.ts'
import { PathPattern } from '../routing/path-pattern.ts'
import { rewriteOf } from '../routing/rewrite.ts'
import type { Fallback, Route, RouteTarget } from '../routing/route.ts'
import { RouteTable } from '../routing/route-table.ts'
import type { RouteStep } from '../steps/step.ts'
import { disposeAbsent, type ServiceTls, serviceTlsOf } from '../upstream/service-tls.ts'
import { resolveTimeouts } from '../upstream/timeouts.ts'
import { Upstream } from '../upstream/upstream.ts'
import type { GatewayConfig } from './gateway-config.ts'
import { Problems } from './problems.ts'
import { type ResolvedConfig, resolveConfig } from './resolve.ts'
import type { FallbackConfig, RouteConfig } from './route-config.ts'
import type { Service } from './service.ts'
import { stepsOf } from './steps.ts'

const ONLY_POST: ReadonlySet<string> = new Set(['POST'])
const ONLY_GET: ReadonlySet<string> = new Set(['GET', 'HEAD'])

/**
 * The configuration that holds now, and what was built from it. A new one is taken on whole or not at all; services that have not changed
 * keep what is known of them: connections, breakers, the health of instances.
 */
export class RunningConfig {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #policies: Policies
  #upstreams: ReadonlyMap<string, Upstream> = new Map()
  #tls: ReadonlyMap<string, ServiceTls> = new Map()
  #services: ReadonlyMap<string, Service> = new Map()
  #routes: readonly RouteConfig[] = []
  #table: RouteTable = new RouteTable([])
  readonly #steps = new Map<string, { readonly config: RouteConfig; readonly steps: readonly RouteStep[] }>()
  readonly #grpc: GrpcClients
  readonly #closing = new AbortController()
  #isStarted = false

  /** @throws ConfigurationError with every problem at once */
  constructor(config: GatewayConfig, clock: Clock, logger: Logger) {
    this.#clock = clock
    this.#logger = logger
    this.#policies = policies({}, { clock })
    this.#grpc = new GrpcClients(clock, logger)
    this.adopt(config)
  }

  get table(): RouteTable {
    return this.#table
  }

  get upstreams(): ReadonlyMap<string, Upstream> {
    return this.#upstreams
  }

  /** @throws ConfigurationError with every problem at once; the old one holds on then */
  adopt(config: GatewayConfig): void {
    const resolved = resolveConfig(config)
    const tlsBefore = this.#tls
    const tls = serviceTlsOf(resolved.services.values(), tlsBefore, { logger: this.#logger, clock: this.#clock })
    try {
      this.#reloadPolicies(resolved)
    } catch (wrong) {
      disposeAbsent(tls, tlsBefore)
      throw wrong
    }
    this.#tls = tls
    const before = this.#upstreams
    this.#upstreams = new Map([...resolved.services].map(([name, service]) => [name, this.#upstreamOf(service)]))
    this.#services = resolved.services
    this.#routes = resolved.routes
    const overGrpc = new Set(resolved.routes.map(({ grpc }) => grpc?.service))
    this.#grpc.adopt(
      [...resolved.services.values()].filter(({ name }) => overGrpc.has(name)),
      tls,
    )
    this.#table = new RouteTable(resolved.routes.map((route) => this.#routeOf(route)))
    if (this.#isStarted) this.start()
    for (const [name, upstream] of before) if (this.#upstreams.get(name) !== upstream) upstream.close()
    disposeAbsent(tlsBefore, tls)
  }

  start(): void {
    this.#isStarted = true
    for (const upstream of this.#upstreams.values()) upstream.start()
  }

  /** Loads what gRPC routes need, where there are such. @throws ConfigurationError COMM_PACKAGE_MISSING */
  load(): Promise<void> {
    return this.#grpc.load()
  }

  async reloadCertificates(): Promise<void> {
    await Promise.all([...this.#tls.values()].map(({ reloader }) => reloader.reload()))
  }

  async close(): Promise<void> {
    this.#closing.abort(new CommunicationError('the gateway has been closed', { code: 'COMM_CLOSED' }))
    for (const upstream of this.#upstreams.values()) upstream.close()
    await this.#grpc.close()
    disposeAbsent(this.#tls, new Map())
  }

  #reloadPolicies({ services }: ResolvedConfig): void {
    const problems = new Problems()
    const wanted = Object.fromEntries([...services].map(([name, service]) => [name, service.policies]))
    problems.attempt(
      () => this.#policies.reload(wanted),
      (key) => key.replace(/^policies\./, 'services.'),
    )
    problems.throwIfAny('gateway')
  }

  #upstreamOf(service: Service): Upstream {
    const { stages } = this.#policies.get(service.name)
    const known = this.#upstreams.get(service.name)
    const tls = this.#tls.get(service.name)
    if (known?.canBecome(service, tls)) {
      known.become(service, stages)
      return known
    }
    return new Upstream(service, { clock: this.#clock, logger: this.#logger, stages, tls })
  }

  #routeOf(config: RouteConfig): Route {
    const { path, name = path, service, to, stripPrefix, rewrite } = config
    const pattern = new PathPattern(path)
    const wanted = to ?? (service === undefined ? [] : [{ service }])
    const targets = wanted.map(({ service: of, weight = 1 }) => this.#targetOf(of, weight, config))
    return Object.freeze({
      name,
      pattern,
      methods: methodsOf(config),
      conditions: Conditions.of(config),
      targets,
      weight: targets.reduce((sum, { weight }) => sum + weight, 0),
      rewrite: rewriteOf(pattern, stripPrefix, rewrite),
      retries: config.retry ?? true,
      maxBodyBytes: config.maxBodyBytes ?? Number.POSITIVE_INFINITY,
      websocket: targets.length > 0 && (config.websocket ?? true),
      steps: this.#stepsOf(config),
      hasCors: config.cors !== undefined,
      fallback: fallbackOf(config.fallback),
    })
  }

  /** A route that stays the same keeps what it has counted and stored; not one that names other services, which may have changed. */
  #stepsOf(config: RouteConfig): readonly RouteStep[] {
    const key = `${config.name ?? ''} ${config.path}`
    const before = this.#steps.get(key)
    const isKept = before !== undefined && config.mirror === undefined && (config.service ?? config.to) !== undefined
    if (isKept && isDeepStrictEqual(before.config, config)) return before.steps
    const steps = this.#buildSteps(config)
    this.#steps.set(key, { config, steps })
    return steps
  }

  #buildSteps(config: RouteConfig): readonly RouteStep[] {
    const targetOf = (name: string, limits: Pick<RouteConfig, 'timeouts'> = {}): RouteTarget => this.#targetOf(name, 1, limits)
    return stepsOf(config, {
      clock: this.#clock,
      logger: this.#logger,
      targetOf,
      closing: this.#closing.signal,
      grpcClientOf: (name) => this.#grpc.clientOf(name),
      services: this.#services.values(),
      routes: this.#routes,
    })
  }

  #targetOf(name: string, weight: number, { timeouts }: Pick<RouteConfig, 'timeouts'>): RouteTarget {
    const service = this.#services.get(name) as Service
    return {
      upstream: this.#upstreams.get(name) as Upstream,
      weight,
      timeouts: resolveTimeouts(service.timeouts, timeouts),
      preserveHost: service.preserveHost,
      hashHeader: service.hashHeader,
      replayBytes: service.retry?.replayBytes ?? 0,
    }
  }
}

function methodsOf({ methods, grpc, openapi }: RouteConfig): ReadonlySet<string> | undefined {
  if (methods !== undefined) return new Set(methods)
  if (openapi !== undefined) return ONLY_GET
  return grpc === undefined ? undefined : ONLY_POST
}

function fallbackOf(config: FallbackConfig | undefined): Fallback | undefined {
  if (config === undefined) return undefined
  const { status = 200, headers = {}, body } = config
  const isText = typeof body === 'string'
  const fields = Object.entries(headers).flatMap(([name, value]) => [name.toLowerCase(), value])
  if (!fields.includes('content-type')) fields.push('content-type', isText ? 'text/plain; charset=utf-8' : 'application/json')
  return { status, fields, body: isText ? body : JSON.stringify(body) }
}
