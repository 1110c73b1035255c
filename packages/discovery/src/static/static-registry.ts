import { type Health, type Instance, parseEndpoint, UP } from '@comm/core'
import { checkArgument, checkOptions, object, required } from '@comm/core/options'
import { Lifetime } from '../adapter/lifetime.ts'
import { refusal } from '../adapter/refusal.ts'
import { checkInstance, type InstanceOptions, serviceName } from '../check-instance.ts'
import type { Registry, RegistryFeatures, ServiceInstance, Watch } from '../registry.ts'

/** By service: each instance as `host:port`, as a URL of which host and port are taken, or whole. */
export type StaticServices = Readonly<Record<string, readonly (string | Omit<InstanceOptions, 'service'>)[]>>

export interface StaticRegistryOptions {
  readonly services: StaticServices
}

const FEATURES: RegistryFeatures = Object.freeze({
  registers: false,
  watches: 'push',
  expires: false,
  durable: true,
  keeps: Object.freeze(['zone', 'weight', 'version', 'metadata', 'tags'] as const),
})

/** Services that are known beforehand. `replace` changes them by hand: from a configuration that was read again, for instance. */
export class StaticRegistry implements Registry {
  readonly system = 'static'
  readonly where = 'the static list'
  readonly features: RegistryFeatures = FEATURES
  readonly #life = new Lifetime(this.where)
  readonly register: ReturnType<typeof refusal> = refusal(this.#life, 'in a static list; replace() changes it')
  readonly renew: Registry['renew'] = this.register
  readonly deregister: Registry['deregister'] = this.register
  readonly #watchers = new Set<() => void>()
  #services: ReadonlyMap<string, readonly ServiceInstance[]>

  /** @throws ConfigurationError with every problem of an instance at once */
  constructor(options: StaticRegistryOptions) {
    checkOptions<StaticRegistryOptions>('StaticRegistry', options, { services: required(object) })
    this.#services = servicesOf(options.services)
  }

  /** @throws ConfigurationError; what was known stays then */
  replace(services: StaticServices): void {
    this.#life.check()
    this.#services = servicesOf(services)
    for (const tell of [...this.#watchers]) tell()
  }

  async resolve(service: string, signal: AbortSignal): Promise<readonly ServiceInstance[]> {
    this.#life.check(signal)
    return this.#services.get(service) ?? []
  }

  watch(service: string): Watch {
    this.#life.check()
    return {
      run: (onList, signal) =>
        this.#life.watch(signal, () => {
          const tell = (): void => onList(this.#services.get(service) ?? [])
          this.#watchers.add(tell)
          tell()
          return () => this.#watchers.delete(tell)
        }),
    }
  }

  async health(): Promise<Health> {
    return this.#life.isOver ? { status: 'down', reason: `${this.where} is closed` } : UP
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#life.end()
  }
}

function servicesOf(services: StaticServices): ReadonlyMap<string, readonly ServiceInstance[]> {
  checkArgument('StaticRegistry.services', services, object)
  return new Map(
    Object.entries(services).map(([service, instances]) => {
      checkArgument('a service of StaticRegistry.services', service, serviceName)
      checkArgument(`StaticRegistry.services.${service}`, instances, { expected: 'an array', accepts: Array.isArray })
      return [service, instances.map((each) => instanceOf(service, each))]
    }),
  )
}

function instanceOf(service: string, given: string | Omit<InstanceOptions, 'service'>): ServiceInstance {
  if (typeof given !== 'string') return checkInstance({ ...given, service })
  const place = placeOf(given)
  checkArgument(`an instance of ${service}`, given, {
    expected: "'host:port', a URL with a host, or { host, port, … }",
    accepts: () => place !== undefined,
    ...(given.includes('@') && { secret: true as const }),
  })
  return checkInstance({ ...(place as Pick<Instance, 'host' | 'port'>), service })
}

const USUAL_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 }

function placeOf(text: string): Pick<Instance, 'host' | 'port'> | undefined {
  if (!text.includes('://')) return parseEndpoint(text, 0)
  if (!URL.canParse(text)) return undefined
  const { hostname, port, protocol } = new URL(text)
  const number = port === '' ? USUAL_PORTS[protocol] : Number(port)
  return hostname === '' || number === undefined ? undefined : { host: hostname.replace(/^\[|\]$/g, ''), port: number }
}
