import type { Clock, Logger } from '@comm/core'
import type { GrpcClient } from '@comm/grpc'
import type { ClientOf } from './grpc-clients.ts'
import type { GrpcDefinition, GrpcMethod, GrpcRouteConfig } from './grpc-route.ts'
import { unaryMethods } from './grpc-route.ts'
import { loadGrpcDynamic } from './load-grpc.ts'

/** What a route may call. */
export interface GrpcApi {
  readonly definition: GrpcDefinition
  /** By both of their names. */
  readonly unary: ReadonlyMap<string, readonly [own: string, method: GrpcMethod]>
}

/** Where a route knows the methods from. */
export interface GrpcApiSource {
  /** As far as it is known without waiting. */
  readonly known: GrpcApi | undefined
  /** @param method that is wanted: the server is asked again for one that is not known, but not for each request */
  load(method: string | undefined): Promise<GrpcApi>
}

export interface GrpcApiParts {
  readonly clientOf: ClientOf
  readonly clock: Clock
  readonly logger: Logger
}

/** How old an answer may be before the server is asked again, in the background. */
const FRESH_MS = 60_000
/** How long nobody asks again for a method that the server does not have. */
const PATIENCE_MS = 5000
const REFLECTION_MS = 10_000

export function apiSource(config: GrpcRouteConfig, parts: GrpcApiParts): GrpcApiSource {
  const { definition, descriptors } = config
  if (definition !== undefined) return fixed(apiOf(definition))
  if (descriptors !== undefined) return new Described(descriptors as Uint8Array, config.fullName as string)
  return new Reflected(config.fullName as string, parts)
}

function apiOf(definition: GrpcDefinition): GrpcApi {
  return { definition, unary: unaryMethods(definition) }
}

function fixed(api: GrpcApi): GrpcApiSource {
  return { known: api, load: () => Promise.resolve(api) }
}

/** By a file descriptor set. */
class Described implements GrpcApiSource {
  readonly #descriptors: Uint8Array
  readonly #fullName: string
  known: GrpcApi | undefined

  constructor(descriptors: Uint8Array, fullName: string) {
    this.#descriptors = descriptors
    this.#fullName = fullName
  }

  async load(): Promise<GrpcApi> {
    const { definitionFrom } = await loadGrpcDynamic()
    this.known ??= apiOf(definitionFrom(this.#descriptors, this.#fullName))
    return this.known
  }
}

/** By what the server says about itself. */
class Reflected implements GrpcApiSource {
  readonly #fullName: string
  readonly #parts: GrpcApiParts
  #descriptors: Uint8Array | undefined
  #askedAt = 0
  #asking: Promise<GrpcApi> | undefined
  #api: GrpcApi | undefined

  constructor(fullName: string, parts: GrpcApiParts) {
    this.#fullName = fullName
    this.#parts = parts
  }

  get known(): GrpcApi | undefined {
    if (this.#api !== undefined && this.#age > FRESH_MS) this.#askInBackground()
    return this.#api
  }

  load(method: string | undefined): Promise<GrpcApi> {
    const { known } = this
    if (known === undefined) return this.#ask()
    const isMissing = method !== undefined && !known.unary.has(method)
    return isMissing && this.#age > PATIENCE_MS ? this.#ask() : Promise.resolve(known)
  }

  get #age(): number {
    return this.#parts.clock.now() - this.#askedAt
  }

  #askInBackground(): void {
    if (this.#asking !== undefined) return
    this.#ask().catch((error: unknown) =>
      this.#parts.logger.warn(`${this.#fullName} is called as it was: reflection failed`, { error }),
    )
  }

  #ask(): Promise<GrpcApi> {
    this.#asking ??= this.#reflect().finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  async #reflect(): Promise<GrpcApi> {
    this.#askedAt = this.#parts.clock.now()
    const [{ definitionFrom, reflectedDescriptors }, client] = await Promise.all([loadGrpcDynamic(), this.#parts.clientOf()])
    const found = await reflectedDescriptors(client as GrpcClient, this.#fullName, { timeoutMs: REFLECTION_MS })
    if (this.#api === undefined || this.#descriptors === undefined || Buffer.compare(found, this.#descriptors) !== 0) {
      this.#api = apiOf(definitionFrom(found, this.#fullName))
      this.#descriptors = found
    }
    return this.#api
  }
}
