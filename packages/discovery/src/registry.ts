/**
 * The registry contract: all that the trunk asks of whatever knows where services run. A registry moves data and tells the truth about it,
 * one try at a time. It never retries, backs off, keeps a last known list, filters, or beats a heart by itself; `ServiceDiscovery` does that
 * once, for every registry. `registryContract` in `@comm/testkit` is this file as a test-suite.
 */
import type { Health, Instance } from '@comm/core'

/** An instance of a service, as a registry knows it. */
export interface ServiceInstance extends Instance {
  readonly service: string
  /** Words to choose by: `canary`, `http`. */
  readonly tags?: readonly string[]
}

/** An instance that is to be known for as long as its heart beats. One object stands for one registration, also when it is made anew. */
export interface Registration {
  readonly instance: ServiceInstance
  /** Without a heartbeat for so long the registry lists it no more, or not as one to be called. Milliseconds. */
  readonly ttlMs: number
}

/** What of an instance a registry keeps. `id`, `host` and `port` are kept by all. */
export type InstanceAttribute = 'zone' | 'weight' | 'version' | 'metadata' | 'tags'

/** What a registry can do: data that the trunk, the contract suite and the documentation read. */
export interface RegistryFeatures {
  /** Instances can be registered through it. False: they are made known elsewhere, and it is only read. */
  readonly registers: boolean
  /** How it learns of a change: the registry tells it (`push`), or it asks again and again (`poll`). */
  readonly watches: 'push' | 'poll'
  /** An instance whose heart stops beating goes by itself. */
  readonly expires: boolean
  /** The shortest time to live that it keeps; a shorter one is refused. Milliseconds. */
  readonly leastTtlMs?: number
  /** The registry can ask the instance itself whether it is well (`checks` of its options). */
  readonly checks?: true
  /**
   * What is registered outlives an outage of the registry, however long: heartbeats that were missed meanwhile do not count. False: after an
   * outage it may list nobody until hearts have beaten again, and the trunk keeps what it knew for so long.
   */
  readonly durable: boolean
  /** What of an instance comes back as it was registered, or as it was made known. */
  readonly keeps: readonly InstanceAttribute[]
}

/** The list of one service, followed. It remembers where it was between two runs, so that little has to be sent again. */
export interface Watch {
  /**
   * Hands over the whole list as soon as it is known, and again after each change (it may be the same one again); ids are unique in it.
   * Each run begins with a list, also when nothing has changed: that is how the trunk knows that the registry is back. Lists are handed
   * over synchronously, in the order of the registry's changes; an instance that came and went in between may never be seen. A service
   * that nobody knows is an empty list. Never runs twice at a time.
   *
   * Ends by throwing only: a CommunicationError when the registry cannot be asked any more, the signal's reason when it aborts. What ends
   * a request in the ordinary way (a time limit of the registry's, a compacted history) is not an end. A registry that is silent longer
   * than it may be counts as away. Leaves no connection, timer or listener behind.
   */
  run(onList: (instances: readonly ServiceInstance[]) => void, signal: AbortSignal): Promise<never>
}

export interface Registry extends AsyncDisposable {
  /** A word for logs and metrics: `consul`. */
  readonly system: string
  /** For messages: `Consul at localhost:8500`. Without credentials. */
  readonly where: string
  readonly features: RegistryFeatures
  /**
   * Makes the instance known, or known anew with what it says now, and its time to live begins. Resolves when others can see it. Idempotent.
   * After an abort it may be known or not; `deregister` makes sure.
   * @throws CommunicationError COMM_UNSUPPORTED where `registers` is false or the time to live too short; AuthenticationError,
   * AuthorizationError; ConnectionError, TimeoutError when the registry is away
   */
  register(registration: Registration, signal: AbortSignal): Promise<void>
  /**
   * One heartbeat: its time to live begins again.
   * @returns `lost` when the registry does not know it any more, so that it must be registered anew
   * @throws as `register` does
   */
  renew(registration: Registration, signal: AbortSignal): Promise<'kept' | 'lost'>
  /** Makes it unknown. Resolves when others see it no more. Idempotent, also for what was never registered. @throws as `register` does */
  deregister(registration: Registration, signal: AbortSignal): Promise<void>
  /** The instances that can be called, once; none for a service that nobody knows. @throws as `register` does */
  resolve(service: string, signal: AbortSignal): Promise<readonly ServiceInstance[]>
  /** Nothing is asked before it runs. Any number of them, also of one service. */
  watch(service: string): Watch
  /** Truthful: asks the registry. Never throws; `down` after disposal. */
  health(signal: AbortSignal): Promise<Health>
  // Disposal: ends what runs, lets go of connections. Registrations are not undone: whoever made them deregisters them. Idempotent;
  // afterwards every other method but `health` throws COMM_CLOSED.
}
