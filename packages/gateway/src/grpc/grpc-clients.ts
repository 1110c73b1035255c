import { isDeepStrictEqual } from 'node:util'
import { type Clock, CommunicationError, type Logger } from '@comm/core'
import type { GrpcClient, GrpcClientOptions } from '@comm/grpc'
import type { Service } from '../config/service.ts'
import type { ServiceTls } from '../upstream/service-tls.ts'
import { STRATEGIES } from '../upstream/strategies.ts'
import { resolveTimeouts } from '../upstream/timeouts.ts'
import { loadGrpc } from './load-grpc.ts'

/** Gives the client of a service once `@comm/grpc` is loaded. */
export type ClientOf = () => Promise<GrpcClient>

interface Known {
  readonly service: Service
  readonly tls: ServiceTls | undefined
  client: Promise<GrpcClient> | undefined
}

/** The gRPC clients of the services that gRPC routes name. A service that has not changed keeps its own over a reload. */
export class GrpcClients {
  readonly #clock: Clock
  readonly #logger: Logger
  #known: ReadonlyMap<string, Known> = new Map()

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock
    this.#logger = logger
  }

  /** Those that are there no more finish their calls. */
  adopt(services: readonly Service[], tlsOf: ReadonlyMap<string, ServiceTls>): void {
    const before = this.#known
    this.#known = new Map(
      services.map((service) => {
        const known = before.get(service.name)
        const tls = tlsOf.get(service.name)
        const stays = known !== undefined && known.tls === tls && isSame(known.service, service)
        return [service.name, stays ? known : { service, tls, client: undefined }]
      }),
    )
    for (const [name, known] of before) if (this.#known.get(name) !== known) void end(known)
  }

  clientOf(name: string): ClientOf {
    const known = this.#known.get(name) as Known
    return () => this.#load(known)
  }

  /** @throws ConfigurationError COMM_PACKAGE_MISSING */
  async load(): Promise<void> {
    await Promise.all([...this.#known.values()].map((known) => this.#load(known)))
  }

  async close(): Promise<void> {
    await Promise.all([...this.#known.values()].map(end))
  }

  #load(known: Known): Promise<GrpcClient> {
    known.client ??= make(known, this.#clock, this.#logger).catch((error: unknown) => {
      known.client = undefined
      throw error
    })
    return known.client
  }
}

/** Calls under way end first; none is made any more. */
async function end(known: Known): Promise<void> {
  known.client ??= Promise.reject(new CommunicationError(`${known.service.name} is called no more`, { code: 'COMM_CLOSED' }))
  const made = await known.client.catch(() => undefined)
  await made?.close()
}

function isSame(one: Service, other: Service): boolean {
  const { instances: some, tls: _, ...rest } = one
  const { instances: others, tls: __, ...otherRest } = other
  const isSamePlace = some === others || (Array.isArray(some) && Array.isArray(others) && isDeepStrictEqual(some, others))
  return isSamePlace && isDeepStrictEqual(rest, otherRest)
}

async function make(known: Known, clock: Clock, logger: Logger): Promise<GrpcClient> {
  const { GrpcClient: Client } = await loadGrpc()
  return new Client(optionsOf(known, clock, logger))
}

/** What `policies` has for HTTP is judged by statuses of gRPC here. */
function optionsOf({ service, tls }: Known, clock: Clock, logger: Logger): GrpcClientOptions {
  const { name, instances, protocol, balancing, outlierDetection, retry, policies } = service
  const { connectMs, responseMs } = resolveTimeouts(service.timeouts)
  const { breaker, bulkhead } = policies
  const { classify: _, ...breakerOptions } = typeof breaker === 'object' ? breaker : {}
  return {
    service: name,
    endpoints: instances,
    balancer: { strategy: STRATEGIES[balancing](), outlierDetection },
    timeout: { connectMs, attemptMs: responseMs, totalMs: Number.POSITIVE_INFINITY },
    retry: retry === undefined || retry.maxRetries === 0 ? false : { maxRetries: retry.maxRetries },
    circuitBreaker: breaker === undefined || breaker === false ? false : breakerOptions,
    bulkhead: typeof bulkhead === 'object' ? bulkhead : false,
    ...(protocol === 'https' || tls !== undefined ? { tls: tls?.reloader ?? true } : {}),
    ...(tls?.serverName === undefined
      ? {}
      : { channelOptions: { 'grpc.ssl_target_name_override': tls.serverName, 'grpc.default_authority': tls.serverName } }),
    clock,
    logger,
  }
}
