import type { IncomingMessage, Server } from 'node:http'
import {
  CommunicationError,
  type Component,
  ConfigurationError,
  type Health,
  type Principal,
  TlsReloader,
  UP,
  unlessAborted,
} from '@comm/core'
import { checkOptions, object } from '@comm/core/options'
import { type InstanceRegistration, type Registry, ServiceDiscovery } from '@comm/discovery'
import type { HttpClient } from '@comm/http'
import type { RequestHandler, ServerOptions } from '@comm/http/server'
import type { GrpcOfMesh } from './grpc-of-mesh.ts'
import { Gatekeeper, type IncomingGrpcCall } from './inbound/gatekeeper.ts'
import { guarded, Serving, type ServingParts } from './inbound/serving.ts'
import { combined } from './mesh-health.ts'
import { accessOf, type MeshConfig, type MeshOptions, type ResolvedMesh, resolveMesh } from './options.ts'
import type { GrpcClients } from './outbound/grpc-clients.ts'
import { type ClientsParts, HTTP_RULES, HttpClients } from './outbound/http-clients.ts'
import { Routes } from './outbound/routes.ts'
import { ServicePolicies } from './outbound/service-policies.ts'
import { checkTraffic } from './outbound/traffic.ts'
import { type Topology, TopologyRecord } from './topology/topology.ts'

/**
 * A service among others. It makes itself known, calls others by name under the policies of each, shows who it is by mutual TLS, and lets in
 * whom its lists allow. A component of a `Lifecycle`: add it behind its servers, so that they listen before it is registered.
 */
export class Mesh implements Component, AsyncDisposable {
  readonly name: string
  /** For a server that is not made here: `new GrpcServer({ tls: mesh.tls, authenticate: mesh.authenticate })`. */
  readonly tls: TlsReloader | undefined
  readonly discovery: ServiceDiscovery
  readonly #options: ResolvedMesh
  readonly #ownsDiscovery: boolean
  readonly #ownsTls: boolean
  readonly #topology: TopologyRecord
  readonly #routes: Routes
  readonly #policies: ServicePolicies
  readonly #http: HttpClients
  readonly #parts: ClientsParts
  readonly #gatekeeper: Gatekeeper
  readonly #inbound: ServingParts
  readonly #serving: Serving
  #config: Required<MeshConfig>
  #grpc: GrpcClients | undefined
  #grpcLoading: Promise<GrpcClients> | undefined
  #registration: InstanceRegistration | undefined
  #starting: Promise<void> | undefined
  #closing: Promise<void> | undefined

  /** @throws ConfigurationError */
  constructor(options: MeshOptions) {
    const resolved = resolveMesh(options)
    const { name, discovery, tls, policies, traffic, access, http, logger, clock, tlsName, announced, topologyWindowMs } =
      resolved
    this.name = name
    this.#options = resolved
    this.#config = { policies, traffic, access }
    const list = accessOf(access, tls !== undefined)
    this.#ownsTls = tls !== undefined && !(tls instanceof TlsReloader)
    this.tls = tls === undefined || tls instanceof TlsReloader ? tls : new TlsReloader('mesh.tls', tls, { logger, clock })
    try {
      this.#policies = new ServicePolicies(policies, HTTP_RULES, { clock, logger })
      this.#ownsDiscovery = !('resolver' in discovery)
      this.discovery = this.#ownsDiscovery
        ? new ServiceDiscovery({ registry: discovery as Registry, name: `discovery of ${name}`, logger, clock })
        : (discovery as ServiceDiscovery)
      this.#topology = new TopologyRecord(name, clock, topologyWindowMs)
      this.#routes = new Routes((service) => this.discovery.resolver(service), traffic)
      const zone = announced?.zone
      this.#parts = { routes: this.#routes, topology: this.#topology, tls: this.tls, tlsName, zone, logger, clock }
      this.#http = new HttpClients(http, this.#policies, this.#parts)
    } catch (wrong) {
      if (this.#ownsTls) this.tls?.[Symbol.dispose]()
      throw wrong
    }
    this.#gatekeeper = new Gatekeeper(name, list, logger, this.#topology)
    this.#inbound = { tls: this.tls, gatekeeper: this.#gatekeeper, topology: this.#topology, logger, clock }
    this.#serving = new Serving(this.#inbound)
  }

  /** Registers the service, and keeps it registered. Calls need no start. Idempotent. @throws CommunicationError when it is not registered in time */
  start(signal?: AbortSignal): Promise<void> {
    this.#starting ??= this.#start(signal)
    return this.#starting
  }

  /** The HTTP client of a service; the same one for the same name. @throws ConfigurationError; CommunicationError COMM_CLOSED */
  call(service: string): HttpClient {
    this.#checkOpen()
    return this.#http.of(service)
  }

  /** The methods of a gRPC service; `@comm/grpc` is loaded with the first of them. @throws ConfigurationError when it is not installed */
  readonly grpc: GrpcOfMesh = async (service: string, definition: object): Promise<never> => {
    this.#checkOpen()
    this.#grpcLoading ??= this.#loadGrpc()
    const clients = await this.#grpcLoading
    this.#checkOpen()
    return clients.service(service, definition) as never
  }

  /**
   * A server for others of the mesh: with mutual TLS where there is `tls`, its certificates the ones of the moment. The handler runs in the
   * context of its request, behind the access lists. It belongs to the caller: `httpServerComponent` starts and stops it.
   */
  createServer(handler: RequestHandler, options: ServerOptions = {}): Server {
    return this.#serving.createServer(handler, options)
  }

  /** Puts the access lists in front of a handler of `node:http`: for `contextHandler`. A refusal is thrown. */
  guard(handler: RequestHandler): RequestHandler {
    return guarded(handler, this.#inbound)
  }

  /** Who sends this request, for a hook of any framework. @throws AuthenticationError, AuthorizationError; both are in the audit log */
  admit(request: IncomingMessage): Principal {
    return this.#gatekeeper.request(request)
  }

  /** The `authenticate` of a `GrpcServer`. @throws AuthenticationError, AuthorizationError; both are in the audit log */
  readonly authenticate = (call: IncomingGrpcCall): Principal => this.#gatekeeper.grpc(call)

  /**
   * Takes on what is given in place of what there was, and leaves the rest; all or nothing. Policies that have not changed keep what they have
   * learned, and calls under way go on under theirs.
   * @throws ConfigurationError
   */
  reload(config: MeshConfig): void {
    checkOptions<MeshConfig>('mesh.reload', config, { policies: object, traffic: object, access: object })
    const next = { ...this.#config, ...definedOf(config) }
    const access = accessOf(next.access, this.tls !== undefined)
    checkTraffic(next.traffic)
    this.#policies.reload(next.policies)
    this.#grpc?.reload(next.policies)
    this.#routes.change(next.traffic)
    this.#gatekeeper.access = access
    this.#config = next
  }

  /** Who has called whom of late: as data. */
  topology(): Topology {
    return this.#topology.snapshot()
  }

  /** `degraded` while the registry, certificates or a service that is called are not as they should be. */
  async health(signal?: AbortSignal): Promise<Health> {
    if (this.#closing !== undefined) return { status: 'down', reason: `the mesh of ${this.name} is closed` }
    const problem = this.tls?.problem
    const services = [...this.#http.all, ...(this.#grpc?.all ?? [])].map((client) => client.health())
    return combined({
      discovery: await this.discovery.health(signal),
      tls: problem === undefined ? UP : { status: 'degraded', reason: problem.message },
      ...Object.fromEntries(services.map((health, at) => [`client ${at + 1}`, health])),
    })
  }

  /** Deregisters the service, so that nobody calls it any more. Its own calls go on. Idempotent. */
  async stopIntake(): Promise<void> {
    await this.#starting?.catch(() => undefined)
    await this.#registration?.deregister()
  }

  /** Deregisters, refuses new calls, waits for those under way, closes all connections. Idempotent. */
  close(signal?: AbortSignal): Promise<void> {
    this.#closing ??= this.#close(signal)
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #start(signal: AbortSignal | undefined): Promise<void> {
    this.#checkOpen()
    const { announced, name } = this.#options
    if (announced === undefined) return
    const { name: _name, port, inBackground = false, ...instance } = announced
    this.#registration = await this.discovery.register(
      { ...instance, service: name, port: typeof port === 'function' ? port() : port },
      { inBackground, ...(signal === undefined ? {} : { signal }) },
    )
  }

  async #close(signal: AbortSignal | undefined): Promise<void> {
    await this.stopIntake()
    const clients = [...this.#http.all, ...(this.#grpc?.all ?? [])]
    await unlessAborted(Promise.all(clients.map((client) => client.close())), signal).catch(() => undefined)
    this.#serving.close()
    if (this.#ownsDiscovery) await this.discovery.close()
    if (this.#ownsTls) this.tls?.[Symbol.dispose]()
  }

  async #loadGrpc(): Promise<GrpcClients> {
    const { GrpcClients: Clients } = await import('./outbound/grpc-clients.ts').catch((cause: unknown) => {
      this.#grpcLoading = undefined
      const message = `mesh.grpc() needs @comm/grpc, which cannot be loaded: ${(cause as Error).message}. Install it: npm install @comm/grpc`
      throw new ConfigurationError(message, { cause })
    })
    this.#grpc = new Clients(this.#options.grpc, this.#config.policies, this.#parts)
    return this.#grpc
  }

  #checkOpen(): void {
    if (this.#closing === undefined) return
    throw new CommunicationError(`the mesh of ${this.name} was used after it had been closed`, { code: 'COMM_CLOSED' })
  }
}

function definedOf(config: MeshConfig): MeshConfig {
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined))
}

/** @throws ConfigurationError */
export function createMesh(options: MeshOptions): Mesh {
  return new Mesh(options)
}
