import { type Clock, ConnectionError, systemClock, type Timer } from '@comm/core'
import { checkOptions, withMethods } from '@comm/core/options'
import type { Registration, ServiceInstance } from '../registry.ts'

export interface MemoryServerOptions {
  /** @default systemClock */
  readonly clock?: Clock
}

/** Who follows a service. Called synchronously. */
export interface MemoryWatcher {
  onList(instances: readonly ServiceInstance[]): void
  onLost(reason: ConnectionError): void
}

interface Entry {
  readonly instance: ServiceInstance
  ttlMs: number
  expiry: Timer
}

/** What in-memory registries share: the services of one process. It can be away, and come back with what it knew or without. */
export class MemoryRegistryServer {
  readonly #clock: Clock
  readonly #services = new Map<string, Map<string, Entry>>()
  readonly #watchers = new Map<string, Set<MemoryWatcher>>()
  #isAway = false

  /** @throws ConfigurationError */
  constructor(options: MemoryServerOptions = {}) {
    checkOptions<MemoryServerOptions>('MemoryRegistryServer', options, {
      clock: withMethods('a Clock', 'now', 'wall', 'setTimer'),
    })
    this.#clock = options.clock ?? systemClock
  }

  get isAway(): boolean {
    return this.#isAway
  }

  /** Refuses everything from now on, as a registry that was killed. Times to live stand still. */
  stop(): void {
    this.#isAway = true
    const reason = this.awayError()
    for (const service of this.#services.values()) for (const { expiry } of service.values()) expiry.cancel()
    const watchers = [...this.#watchers.values()].flatMap((each) => [...each])
    this.#watchers.clear()
    for (const watcher of watchers) watcher.onLost(reason)
  }

  /** Answers again. @param forget as one that kept nothing on a disk */
  start({ forget = false }: { readonly forget?: boolean } = {}): void {
    if (!this.#isAway) return
    this.#isAway = false
    if (forget) this.#services.clear()
    for (const service of this.#services.values()) {
      for (const entry of service.values()) entry.expiry = this.#expire(entry.instance, entry.ttlMs)
    }
  }

  put({ instance, ttlMs }: Registration): void {
    this.#check()
    const service = this.#services.get(instance.service) ?? new Map<string, Entry>()
    this.#services.set(instance.service, service)
    service.get(instance.id)?.expiry.cancel()
    service.set(instance.id, { instance, ttlMs, expiry: this.#expire(instance, ttlMs) })
    this.#tell(instance.service)
  }

  /** @returns whether it is known */
  renew({ instance }: Registration): boolean {
    this.#check()
    const entry = this.#services.get(instance.service)?.get(instance.id)
    if (entry === undefined) return false
    entry.expiry.cancel()
    entry.expiry = this.#expire(instance, entry.ttlMs)
    return true
  }

  remove({ service, id }: ServiceInstance): void {
    this.#check()
    const entry = this.#services.get(service)?.get(id)
    if (entry === undefined) return
    entry.expiry.cancel()
    this.#services.get(service)?.delete(id)
    if (this.#services.get(service)?.size === 0) this.#services.delete(service)
    this.#tell(service)
  }

  list(service: string): readonly ServiceInstance[] {
    this.#check()
    return [...(this.#services.get(service)?.values() ?? [])].map(({ instance }) => instance)
  }

  /** @returns stops it */
  watch(service: string, watcher: MemoryWatcher): () => void {
    watcher.onList(this.list(service))
    const watchers = this.#watchers.get(service) ?? new Set()
    this.#watchers.set(service, watchers.add(watcher))
    return () => {
      watchers.delete(watcher)
      if (watchers.size === 0) this.#watchers.delete(service)
    }
  }

  awayError(): ConnectionError {
    return new ConnectionError('the in-memory registry is away: it was stopped, and start() brings it back')
  }

  #expire(instance: ServiceInstance, ttlMs: number): Timer {
    const timer = this.#clock.setTimer(ttlMs, () => this.remove(instance))
    timer.unref?.()
    return timer
  }

  #tell(service: string): void {
    const list = this.list(service)
    for (const watcher of [...(this.#watchers.get(service) ?? [])]) watcher.onList(list)
  }

  #check(): void {
    if (this.#isAway) throw this.awayError()
  }
}
