import type { PoliciesConfig } from '@comm/core'
import {
  breakerVerdict,
  elsewhereVerdict,
  GrpcClient,
  type GrpcClientOptions,
  hintElsewhere,
  isSafeElsewhere,
  pickPlace,
  RETRY_STATUSES,
  retryVerdictFor,
} from '@comm/grpc'
import { observing } from '../topology/observing.ts'
import { type ClientsParts, inFront } from './http-clients.ts'
import { type ProtocolRules, ServicePolicies } from './service-policies.ts'

const RULES: ProtocolRules = Object.freeze({
  retry: Object.freeze({
    classify: elsewhereVerdict(retryVerdictFor(RETRY_STATUSES)),
    isSafe: isSafeElsewhere,
    hint: hintElsewhere,
  }),
  breaker: Object.freeze({ classify: breakerVerdict }),
  pickPlace,
})

/** The module that is loaded when gRPC is first asked for. */
export class GrpcClients {
  readonly #options: GrpcClientOptions
  readonly #policies: ServicePolicies
  readonly #parts: ClientsParts
  readonly #clients = new Map<string, GrpcClient>()

  constructor(options: object, policies: PoliciesConfig, parts: ClientsParts) {
    this.#options = options
    this.#policies = new ServicePolicies(policies, RULES, parts)
    this.#parts = parts
  }

  get all(): readonly GrpcClient[] {
    return [...this.#clients.values()]
  }

  reload(policies: PoliciesConfig): void {
    this.#policies.reload(policies)
  }

  service(service: string, definition: object): object {
    return this.#of(service).service(definition as never)
  }

  #of(service: string): GrpcClient {
    let client = this.#clients.get(service)
    if (client === undefined) {
      client = this.#make(service)
      this.#clients.set(service, client)
    }
    return client
  }

  #make(service: string): GrpcClient {
    const { routes, topology, tls, tlsName, zone, logger, clock } = this.#parts
    const { timeout, balancer, channelOptions, ...options } = this.#options
    const { endpoints, strategy } = routes.of(service)
    const before = [observing(topology.outbound(service, 'grpc'), breakerVerdict)]
    const name = tlsName(service)
    return new GrpcClient({
      ...options,
      service,
      endpoints,
      policies: inFront(before, this.#policies.of(service)),
      timeout: { totalMs: Number.POSITIVE_INFINITY, ...timeout },
      balancer: { ...(zone === undefined ? {} : { zone }), ...balancer, strategy },
      ...(tls === undefined ? {} : { tls }),
      channelOptions: {
        ...(tls === undefined || tls.current.servername !== undefined
          ? {}
          : { 'grpc.ssl_target_name_override': name, 'grpc.default_authority': name }),
        ...channelOptions,
      },
      logger,
      clock,
    })
  }
}
