import type { Clock, Logger, Stage, TlsReloader } from '@comm/core'
import {
  breakerVerdict,
  elsewhereVerdict,
  HttpClient,
  type HttpClientOptions,
  hintElsewhere,
  isSafeElsewhere,
  pickPlace,
  serviceUnavailable,
} from '@comm/http'
import { observing } from '../topology/observing.ts'
import type { TopologyRecord } from '../topology/topology.ts'
import type { Routes } from './routes.ts'
import type { ProtocolRules, ServicePolicies } from './service-policies.ts'

/** Options of `HttpClient` for every client of a mesh: those that the mesh does not set itself. */
export type MeshHttpOptions = Omit<
  HttpClientOptions,
  'baseUrl' | 'baseUrls' | 'service' | 'endpoints' | 'policies' | 'tls' | 'logger' | 'clock'
>

export const HTTP_RULES: ProtocolRules = Object.freeze({
  retry: Object.freeze({ classify: elsewhereVerdict, isSafe: isSafeElsewhere, hint: hintElsewhere }),
  breaker: Object.freeze({ classify: breakerVerdict }),
  pickPlace,
})

export interface ClientsParts {
  readonly routes: Routes
  readonly topology: TopologyRecord
  readonly tls: TlsReloader | undefined
  /** The name that is expected in the certificate of a service. */
  readonly tlsName: (service: string) => string
  readonly zone: string | undefined
  readonly logger: Logger
  readonly clock: Clock
}

/** What is in front of the policies of a service, which may change: the array changes with them only. */
export function inFront(before: readonly Stage[], policies: () => readonly Stage[]): () => readonly Stage[] {
  let of: readonly Stage[] | undefined
  let whole: readonly Stage[] = []
  return () => {
    const now = policies()
    if (now !== of) {
      of = now
      whole = [...before, ...now]
    }
    return whole
  }
}

/** A client for each service, made with its first call. */
export class HttpClients {
  readonly #options: MeshHttpOptions
  readonly #policies: ServicePolicies
  readonly #parts: ClientsParts
  readonly #clients = new Map<string, HttpClient>()

  constructor(options: MeshHttpOptions, policies: ServicePolicies, parts: ClientsParts) {
    this.#options = options
    this.#policies = policies
    this.#parts = parts
    // So that wrong options are noticed now; it opens no connection.
    void this.#make('any', []).close()
  }

  get all(): readonly HttpClient[] {
    return [...this.#clients.values()]
  }

  of(service: string): HttpClient {
    let client = this.#clients.get(service)
    if (client === undefined) {
      const meter = this.#parts.topology.outbound(service, 'http')
      const before = [observing(meter, breakerVerdict), serviceUnavailable]
      client = this.#make(service, inFront(before, this.#policies.of(service)))
      this.#clients.set(service, client)
    }
    return client
  }

  #make(service: string, policies: HttpClientOptions['policies'] & object): HttpClient {
    const { routes, tls, tlsName, zone, logger, clock } = this.#parts
    const { timeout, balancer, ...options } = this.#options
    const { endpoints, strategy, key } = routes.of(service)
    return new HttpClient({
      ...options,
      service,
      endpoints,
      policies,
      // The policies have the limits of the whole call and of an attempt.
      timeout: { totalMs: Number.POSITIVE_INFINITY, ...timeout },
      balancer: { ...(zone === undefined ? {} : { zone }), logger, ...balancer, strategy, key },
      ...(tls === undefined ? {} : { tls, baseUrl: `https://${tlsName(service)}` }),
      logger,
      clock,
    })
  }
}
