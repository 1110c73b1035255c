// Loaded for what it mends in grpc-js: a connection attempt that nobody answers ends after `connectMs`.
import 'nice-grpc'
import { CommunicationError, describeEndpoint } from '@comm/core'
import type { EndpointSource, Instance } from '@comm/core/balancing'
import { type ChannelCredentials, type ChannelOptions, Client, compressionAlgorithms } from '@grpc/grpc-js'

/** A channel to one instance: one connection, made with its first call, kept and made again by grpc-js. */
export class InstanceChannel {
  readonly client: Client
  /** For people. */
  readonly target: string
  /** Of the instance it was made for, whose address may change. */
  readonly host: string | undefined
  readonly port: number | undefined
  #inFlight = 0
  #isRetired = false
  #idle: PromiseWithResolvers<void> | undefined

  constructor(client: Client, target: string, instance?: Instance) {
    this.client = client
    this.target = target
    this.host = instance?.host
    this.port = instance?.port
  }

  get inFlight(): number {
    return this.#inFlight
  }

  begin(): void {
    this.#inFlight++
  }

  readonly end = (): void => {
    this.#inFlight--
    if (this.#inFlight > 0) return
    if (this.#isRetired) this.client.close()
    this.#idle?.resolve()
    this.#idle = undefined
  }

  /** No new calls; closes once those under way have ended. */
  retire(): void {
    if (this.#isRetired) return
    this.#isRetired = true
    if (this.#inFlight === 0) this.client.close()
  }

  /** Resolves when no call is under way. */
  drained(): Promise<void> {
    if (this.#inFlight === 0) return Promise.resolve()
    this.#idle ??= Promise.withResolvers()
    return this.#idle.promise
  }

  isFor(instance: Instance): boolean {
    return this.host === instance.host && this.port === instance.port
  }
}

export type Compression = 'identity' | 'deflate' | 'gzip'

export const COMPRESSIONS: Readonly<Record<Compression, number>> = Object.freeze({
  identity: compressionAlgorithms.identity,
  deflate: compressionAlgorithms.deflate,
  gzip: compressionAlgorithms.gzip,
})

export interface ChannelsParts {
  readonly name: string
  /** Where there is one place to call: an address as grpc-js understands it. */
  readonly address: string | undefined
  readonly source: EndpointSource | undefined
  readonly credentials: ChannelCredentials
  readonly options: ChannelOptions
}

/** The channels of a client: one for its address, or one for each instance that was called, until it is there no more. */
export class Channels {
  readonly #parts: ChannelsParts
  readonly #byId = new Map<string, InstanceChannel>()
  readonly #leaving = new Set<InstanceChannel>()
  #only: InstanceChannel | undefined
  #unwatch: (() => void) | undefined
  #isClosed = false

  constructor(parts: ChannelsParts) {
    this.#parts = parts
  }

  /** Those that there are, the leaving ones included. */
  get all(): readonly InstanceChannel[] {
    return [...this.#byId.values(), ...this.#leaving, ...(this.#only === undefined ? [] : [this.#only])]
  }

  /** @param instance that a balancer chose @throws CommunicationError COMM_CLOSED */
  of(instance: Instance | undefined): InstanceChannel {
    if (this.#isClosed) throw closed(this.#parts.name)
    const { address } = this.#parts
    if (address !== undefined) {
      this.#only ??= new InstanceChannel(this.#connect(address), address)
      return this.#only
    }
    if (instance === undefined) {
      throw new CommunicationError(`${this.#parts.name}: no stage has picked an instance; put pick() among the policies`, {
        code: 'COMM_CONFIGURATION',
      })
    }
    const known = this.#byId.get(instance.id)
    if (known?.isFor(instance)) return known
    if (known !== undefined) this.#retire(known)
    this.#unwatch ??= this.#parts.source?.watch(() => this.#sweep())
    const target = describeEndpoint(instance)
    const made = new InstanceChannel(this.#connect(target), target, instance)
    this.#byId.set(instance.id, made)
    return made
  }

  /** Refuses new calls. Resolves when those under way have ended. */
  async drain(): Promise<void> {
    this.#isClosed = true
    await Promise.all(this.all.map((channel) => channel.drained()))
  }

  /** Cuts what is under way. Idempotent. */
  close(): void {
    this.#isClosed = true
    this.#unwatch?.()
    for (const channel of this.all) channel.client.close()
  }

  /** Instances that are gone keep their channel until their calls have ended. */
  #sweep(): void {
    const there = new Set(this.#parts.source?.instances.map(({ id }) => id))
    for (const [id, channel] of this.#byId) {
      if (there.has(id)) continue
      this.#byId.delete(id)
      this.#retire(channel)
    }
  }

  #retire(channel: InstanceChannel): void {
    channel.retire()
    if (channel.inFlight === 0) return
    this.#leaving.add(channel)
    void channel.drained().then(() => this.#leaving.delete(channel))
  }

  #connect(target: string): Client {
    return new Client(target, this.#parts.credentials, this.#parts.options)
  }
}

function closed(name: string): CommunicationError {
  return new CommunicationError(`${name} was used after it had been closed`, { code: 'COMM_CLOSED' })
}
