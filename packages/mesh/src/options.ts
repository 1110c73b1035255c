import {
  type Clock,
  type Logger,
  type PoliciesConfig,
  silentLogger,
  systemClock,
  type TlsOptions,
  type TlsReloader,
} from '@comm/core'
import {
  anything,
  callable,
  checkArgument,
  checkOptions,
  either,
  nonEmptyText,
  number,
  object,
  required,
  withDefaults,
  withMethods,
} from '@comm/core/options'
import type { InstanceOptions, Registry, ServiceDiscovery } from '@comm/discovery'
import { type AccessConfig, type AccessList, accessList } from './inbound/access-list.ts'
import type { MeshHttpOptions } from './outbound/http-clients.ts'
import { checkTraffic, type TrafficConfig } from './outbound/traffic.ts'

/** This service, as it is made known to others. */
export interface MeshService extends Omit<InstanceOptions, 'service' | 'port'> {
  readonly name: string
  /** Where it listens; a function is asked when it is registered, which is when a server has its port. */
  readonly port: number | (() => number)
  /** `start()` does not wait for the registry, which is told as soon as it can be. @default false */
  readonly inBackground?: boolean
}

/** What may change while the mesh runs. */
export interface MeshConfig {
  /**
   * Policies by the name of the service that is called; `*` is for every other. What a service does not name it has from
   * `MESH_POLICY_DEFAULTS`; `false` turns a policy off, an array of policies is taken as it is.
   */
  readonly policies?: PoliciesConfig
  /** How calls are spread over instances, by service. */
  readonly traffic?: TrafficConfig
  /** Who may call this service. Needs `tls`. */
  readonly access?: AccessConfig
}

export interface MeshOptions extends MeshConfig {
  /** A name alone: it calls others, and is registered nowhere. */
  readonly service: string | MeshService
  /** Where services are known. A registry is closed with the mesh, a discovery is not. */
  readonly discovery: ServiceDiscovery | Registry
  /** Certificate, key and authority of this service, for both directions; files may be replaced while it runs. @default no encryption */
  readonly tls?: TlsOptions | TlsReloader
  /** The DNS name that is expected in the certificate of a service. @default the name of the service */
  readonly tlsName?: (service: string) => string
  /** Options of every HTTP client. */
  readonly http?: MeshHttpOptions
  /** Options of every gRPC client: `MeshGrpcOptions` of `@comm/mesh/grpc`. */
  readonly grpc?: object
  /** How far back the topology goes. @default 60000 */
  readonly topologyWindowMs?: number
  /** Gets refusals as security events, and what discovery, TLS and balancers have to say. @default silentLogger */
  readonly logger?: Logger
  /** @default systemClock */
  readonly clock?: Clock
}

export const MESH_DEFAULTS: Readonly<
  Required<
    Pick<MeshOptions, 'policies' | 'traffic' | 'access' | 'tlsName' | 'http' | 'grpc' | 'topologyWindowMs' | 'logger' | 'clock'>
  >
> = Object.freeze({
  policies: Object.freeze({}),
  traffic: Object.freeze({}),
  access: Object.freeze({}),
  tlsName: (service: string): string => service,
  http: Object.freeze({}),
  grpc: Object.freeze({}),
  topologyWindowMs: 60_000,
  logger: silentLogger,
  clock: systemClock,
})

export type ResolvedMesh = MeshOptions &
  typeof MESH_DEFAULTS & { readonly name: string; readonly announced: MeshService | undefined }

/** @throws ConfigurationError */
export function resolveMesh(options: MeshOptions): ResolvedMesh {
  checkOptions<MeshOptions>('mesh', options, {
    service: required(either(nonEmptyText, { expected: '{ name, host, port }', accepts: object.accepts })),
    discovery: required(
      either(
        withMethods('a ServiceDiscovery', 'resolver', 'register'),
        withMethods('a Registry', 'register', 'resolve', 'watch', 'health'),
      ),
    ),
    tls: { expected: 'an object with ca, cert, key or their files, or a TlsReloader', accepts: object.accepts },
    tlsName: callable,
    policies: object,
    traffic: anything,
    access: anything,
    http: object,
    grpc: object,
    topologyWindowMs: number({ min: 1000 }),
    logger: withMethods('a Logger', 'debug', 'info', 'warn', 'error', 'child'),
    clock: withMethods('a Clock', 'now', 'wall', 'setTimer'),
  })
  const { service } = options
  const announced = typeof service === 'string' ? undefined : service
  if (announced !== undefined) {
    checkArgument('mesh.service.name', announced.name, nonEmptyText)
    checkArgument('mesh.service.port', announced.port, either(number({ min: 1, max: 65_535, integer: true }), callable))
  }
  const resolved = withDefaults(MESH_DEFAULTS, options) as MeshOptions & typeof MESH_DEFAULTS
  checkTraffic(resolved.traffic)
  return Object.freeze({ ...resolved, name: typeof service === 'string' ? service : service.name, announced })
}

/** @throws ConfigurationError */
export function accessOf(config: AccessConfig, hasTls: boolean): AccessList {
  const access = accessList(config)
  checkArgument('mesh.access', config, {
    expected: 'left out without tls: callers are known by their certificates',
    accepts: () => hasTls || (config.allow === undefined && config.deny === undefined),
  })
  return access
}
