import { type Health, UP } from '@comm/core'
import { checkOptions } from '@comm/core/options'
import { Lifetime } from '../adapter/lifetime.ts'
import type { Registration, Registry, RegistryFeatures, ServiceInstance, Watch } from '../registry.ts'
import { MemoryRegistryServer } from './memory-server.ts'

export interface MemoryRegistryOptions {
  /** What several of them in one process share. @default one of its own */
  readonly server?: MemoryRegistryServer
}

const FEATURES: RegistryFeatures = Object.freeze({
  registers: true,
  watches: 'push',
  expires: true,
  durable: false,
  keeps: Object.freeze(['zone', 'weight', 'version', 'metadata', 'tags'] as const),
})

/** The services of one process: for tests, examples, and everything that runs in one process. */
export class MemoryRegistry implements Registry {
  readonly system = 'memory'
  readonly where = 'the in-memory registry'
  readonly features: RegistryFeatures = FEATURES
  readonly server: MemoryRegistryServer
  readonly #life = new Lifetime(this.where)

  /** @throws ConfigurationError */
  constructor(options: MemoryRegistryOptions = {}) {
    checkOptions<MemoryRegistryOptions>('MemoryRegistry', options, {
      server: { expected: 'a MemoryRegistryServer', accepts: (value) => value instanceof MemoryRegistryServer },
    })
    this.server = options.server ?? new MemoryRegistryServer()
  }

  async register(registration: Registration, signal: AbortSignal): Promise<void> {
    this.#life.check(signal)
    this.server.put(registration)
  }

  async renew(registration: Registration, signal: AbortSignal): Promise<'kept' | 'lost'> {
    this.#life.check(signal)
    return this.server.renew(registration) ? 'kept' : 'lost'
  }

  async deregister({ instance }: Registration, signal: AbortSignal): Promise<void> {
    this.#life.check(signal)
    this.server.remove(instance)
  }

  async resolve(service: string, signal: AbortSignal): Promise<readonly ServiceInstance[]> {
    this.#life.check(signal)
    return this.server.list(service)
  }

  watch(service: string): Watch {
    this.#life.check()
    return {
      run: (onList, signal) => this.#life.watch(signal, (onLost) => this.server.watch(service, { onList, onLost })),
    }
  }

  async health(): Promise<Health> {
    if (this.#life.isOver) return { status: 'down', reason: `${this.where} is closed` }
    return this.server.isAway ? { status: 'down', reason: this.server.awayError().message } : UP
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#life.end()
  }
}
