import type { CommunicationConfig } from '@comm/config'
import type { Component, MeshCaller } from '@comm/core'
import type { BuildContext } from './build-context.ts'
import { buildBroker, buildDiscovery, buildGrpcClient, buildHttpClient, buildMesh } from './builders.ts'
import { clientComponent, closeClient, type ManagedClient } from './client-component.ts'
import { isClientName, isSet, parseClientName, sectionOf } from './client-names.ts'
import { lazy } from './lazy.ts'
import { lazyServices } from './lazy-services.ts'
import { liveMeshOptions } from './mesh-options.ts'
import { callsAnyService, callsItsService, type ServiceFinder } from './service-finder.ts'

interface Handle {
  /** What users hold: the client, or the stand-in that loads it. */
  client: object
  /** Once it is loaded. */
  current: ManagedClient | undefined
  readonly load: () => Promise<ManagedClient>
}

export interface ClientsParts {
  /** Clients and other components that were made elsewhere. */
  readonly given: Readonly<Record<string, ManagedClient>>
  /** That of the moment. */
  readonly config: () => CommunicationConfig
  readonly context: (name: string, config: CommunicationConfig) => Promise<BuildContext>
  /** Comes before the first client is built. */
  readonly ready: () => Promise<unknown>
  readonly add: (component: Component) => Promise<void>
  /** Sees the calls that are made before a client is loaded. */
  readonly onCall: (method: string, promise: Promise<unknown>) => void
}

/** The clients of a manager by their names (`http`, `grpc:billing`, `discovery`), each built at its first use. */
export class Clients {
  readonly #parts: ClientsParts
  readonly #handles = new Map<string, Handle>()
  /** The mesh that makes this service known, for as long as other components may come before it. */
  #lastComponent: Component | undefined
  #isComplete = false

  constructor(parts: ClientsParts) {
    this.#parts = parts
  }

  /** What users get. @throws ConfigurationError when the configuration has no client of this name */
  get(name: string): object {
    return this.#handle(name).client
  }

  load(name: string): Promise<ManagedClient> {
    return this.#handle(name).load()
  }

  isLoaded(name: string): boolean {
    return this.#handles.get(name)?.current !== undefined
  }

  /** The names of those that are loaded and were built from the configuration. */
  get built(): readonly string[] {
    return [...this.#handles.keys()].filter((name) => this.isLoaded(name) && this.#parts.given[name] === undefined)
  }

  /**
   * The clients that somebody set anything about, used or gave, in the order in which they start. Given components that are no
   * clients (a server) come behind those, since they use the others, and the mesh last: a service is made known once its servers listen.
   */
  wanted(): ReadonlySet<string> {
    const config = this.#parts.config()
    const given = Object.keys(this.#parts.given).filter((name) => name !== 'mesh')
    const hasMesh = isSet(config, 'mesh') || isSet(config, 'meshServices') || this.#parts.given['mesh'] !== undefined
    return new Set([
      // The others find their services by it.
      ...(this.#hasDiscovery ? ['discovery'] : []),
      ...(isSet(config, 'httpClient') ? ['http'] : []),
      ...(isSet(config, 'grpcClient') ? ['grpc'] : []),
      ...(isSet(config, 'messageBroker') ? ['messaging'] : []),
      ...Object.keys(config.httpClients).map((name) => `http:${name}`),
      ...Object.keys(config.grpcClients).map((name) => `grpc:${name}`),
      ...Object.keys(config.messageBrokers).map((name) => `messaging:${name}`),
      ...[...this.#handles.keys()].filter((name) => name !== 'mesh' || !hasMesh),
      ...given.filter(isClientName),
      ...given,
      ...(hasMesh ? ['mesh'] : []),
    ])
  }

  /** A client of this name as a configuration describes it, beside the one that is in use. */
  async build(name: string, config: CommunicationConfig, context: BuildContext): Promise<ManagedClient> {
    const client = parseClientName(name)
    if (name === 'mesh') return buildMesh(config, context, await this.load('discovery'))
    if (client === undefined) return buildDiscovery(config.serviceDiscovery, context)
    const { kind, key } = client
    if (kind === 'http') {
      const section = sectionOf(config, kind, key)
      return buildHttpClient(section, context, await this.#finder(callsAnyService(section)))
    }
    if (kind === 'messaging') return buildBroker(sectionOf(config, kind, key), context)
    const section = sectionOf(config, kind, key)
    return buildGrpcClient(section, context, await this.#finder(callsItsService(section)))
  }

  /** Puts another client in the place of a loaded one. @returns the one that was there */
  replace(name: string, client: ManagedClient): ManagedClient | undefined {
    const handle = this.#handle(name)
    const before = handle.current
    handle.current = handle.client = client
    return before
  }

  #handle(name: string): Handle {
    const known = this.#handles.get(name)
    if (known !== undefined) return known
    const given = this.#parts.given[name]
    const client = parseClientName(name)
    if (given === undefined && client !== undefined) sectionOf(this.#parts.config(), client.kind, client.key)
    let loading: Promise<unknown> | undefined
    // What failed is not kept: the file or package that was missing may be there at the next use.
    const load = async (): Promise<ManagedClient> => {
      loading ??= this.#load(name, given, handle).catch((thrown: unknown) => {
        loading = undefined
        throw thrown
      })
      await loading
      return handle.current as ManagedClient
    }
    const handle: Handle = { load, current: undefined, client: this.#standIn(name, load) }
    this.#handles.set(name, handle)
    return handle
  }

  async #load(name: string, given: ManagedClient | undefined, handle: Handle): Promise<void> {
    const { ready, add } = this.#parts
    await ready()
    const client = given ?? (await this.#build(name))
    handle.current = client
    const component = clientComponent(name, () => handle.current ?? client)
    try {
      if (this.#comesLast(name)) this.#lastComponent = component
      else await add(component)
    } catch (thrown) {
      handle.current = undefined
      await closeClient(client, AbortSignal.abort())
      throw thrown
    }
    handle.client = handle.current
  }

  #comesLast(name: string): boolean {
    if (name !== 'mesh' || this.#isComplete) return false
    return this.#parts.given['mesh'] !== undefined || this.#parts.config().mesh.host !== undefined
  }

  /** No component is to come before the mesh any more, whenever it was loaded. */
  async complete(): Promise<void> {
    this.#isComplete = true
    const last = this.#lastComponent
    this.#lastComponent = undefined
    if (last !== undefined) await this.#parts.add(last)
  }

  /** As the configuration says that there is in the end: it may be replaced meanwhile. */
  async #build(name: string): Promise<ManagedClient> {
    const { config, context } = this.#parts
    for (;;) {
      const described = config()
      const client = await this.build(name, described, await context(name, described))
      if (described === config()) return client
      await closeClient(client, AbortSignal.abort())
    }
  }

  /** Another configuration's policies and access lists for a mesh that runs. @throws ConfigurationError; nothing has changed then */
  reloadMesh(config: CommunicationConfig): void {
    const mesh = this.#handles.get('mesh')?.current as { reload?(options: object): void } | undefined
    if (this.#parts.given['mesh'] === undefined) mesh?.reload?.(liveMeshOptions(config))
  }

  #standIn(name: string, load: () => Promise<ManagedClient>): object {
    if (name === 'mesh') return this.#meshStandIn(load)
    const client = lazy(name, load, this.#parts.onCall)
    if (parseClientName(name)?.kind !== 'grpc') return client
    return new Proxy(client, {
      get: (target, property) => (property === 'service' ? lazyServices(load) : Reflect.get(target, property)),
    })
  }

  /** `call` gives a client at once, which loads the mesh with its first call. */
  #meshStandIn(load: () => Promise<ManagedClient>): object {
    const { onCall } = this.#parts
    const client = (service: string) => async (): Promise<object> => ((await load()) as MeshCaller).call(service)
    const call = (service: string): object => lazy(`mesh.call('${service}')`, client(service), onCall)
    return new Proxy(lazy('mesh', load, onCall), {
      get: (target, property) => (property === 'call' ? call : Reflect.get(target, property)),
    })
  }

  /** It is configured, or given. */
  get #hasDiscovery(): boolean {
    return isSet(this.#parts.config(), 'serviceDiscovery') || this.#parts.given['discovery'] !== undefined
  }

  /** Who finds the services of a client. @param isAsked it has no address */
  async #finder(isAsked: boolean): Promise<ServiceFinder | undefined> {
    if (!isAsked || !this.#hasDiscovery) return undefined
    const found = (await this.load('discovery')) as Partial<ServiceFinder>
    return typeof found.resolver === 'function' ? (found as ServiceFinder) : undefined
  }
}
