import { Resolver } from 'node:dns/promises'
import { CommunicationError, ConnectionError, describeEndpoint } from '@comm/core'
import type { ServiceInstance } from '../registry.ts'
import type { ResolvedDns } from './options.ts'

/** What a name's records say, and for how long. */
export interface DnsAnswer {
  readonly instances: readonly ServiceInstance[]
  /** The shortest time to live among the addresses, in milliseconds; infinite where there are none. */
  readonly ttlMs: number
}

interface Address {
  readonly address: string
  readonly ttl: number
}

/** There is no such name, or it has no records of the kind. */
const NOBODY: ReadonlySet<string> = new Set(['ENOTFOUND', 'ENODATA'])
/** What SRV weight 0 counts beside others that are more: it is seldom chosen (RFC 2782). */
const LEAST_WEIGHT = 0.1

/** One look at the records of a service. A resolver of its own keeps no answers, and can be cancelled alone. */
export class DnsLookup {
  readonly #options: ResolvedDns
  readonly #where: string
  readonly #resolver: Resolver

  constructor(options: ResolvedDns, where: string) {
    this.#options = options
    this.#where = where
    this.#resolver = new Resolver({ timeout: options.timeoutMs, tries: options.tries })
    if (options.servers !== undefined) this.#resolver.setServers([...options.servers])
  }

  /** @throws ConnectionError when no server answers, or one cannot; the signal's reason */
  async run(service: string, signal: AbortSignal): Promise<DnsAnswer> {
    signal.throwIfAborted()
    const cancel = (): void => this.#resolver.cancel()
    signal.addEventListener('abort', cancel)
    const name = this.#options.nameOf(service)
    try {
      return this.#options.records === 'srv' ? await this.#services(service, name) : await this.#hosts(service, name)
    } catch (thrown) {
      if (signal.aborted) throw signal.reason
      throw new ConnectionError(`${this.#where} did not answer for ${name}: ${CommunicationError.from(thrown).message}`, {
        cause: thrown,
      })
    } finally {
      signal.removeEventListener('abort', cancel)
    }
  }

  async #hosts(service: string, name: string): Promise<DnsAnswer> {
    const addresses = await this.#addresses(name)
    const port = this.#options.port as number
    return { instances: addresses.map(({ address }) => instanceAt(service, address, port)), ttlMs: leastTtl(addresses) }
  }

  async #services(service: string, name: string): Promise<DnsAnswer> {
    // A target that is the root says that the service is not there (RFC 2782).
    const records = (await orNone(this.#resolver.resolveSrv(name))).filter((record) => record.name !== '' && record.name !== '.')
    const first = Math.min(...records.map(({ priority }) => priority))
    const chosen = records.filter(({ priority }) => priority === first)
    const isWeighted = chosen.some(({ weight }) => weight > 0)
    const found = await Promise.all(
      chosen.map(async ({ name: target, port, weight }) => {
        const addresses = await this.#addresses(target)
        const share = isWeighted ? { weight: Math.max(LEAST_WEIGHT, weight) } : {}
        const metadata = { hostname: target }
        const instances = addresses.map(({ address }) => ({ ...instanceAt(service, address, port), ...share, metadata }))
        return { instances, ttlMs: leastTtl(addresses) }
      }),
    )
    return {
      instances: found.flatMap(({ instances }) => instances),
      ttlMs: Math.min(...found.map(({ ttlMs }) => ttlMs)),
    }
  }

  async #addresses(name: string): Promise<readonly Address[]> {
    const { family } = this.#options
    const both = await Promise.all([
      family === 6 ? [] : orNone(this.#resolver.resolve4(name, { ttl: true })),
      family === 4 ? [] : orNone(this.#resolver.resolve6(name, { ttl: true })),
    ])
    return both.flat()
  }
}

async function orNone<Item>(asked: Promise<Item[]>): Promise<Item[]> {
  try {
    return await asked
  } catch (thrown) {
    if (NOBODY.has(String((thrown as NodeJS.ErrnoException).code))) return []
    throw thrown
  }
}

function instanceAt(service: string, host: string, port: number): ServiceInstance {
  return { service, id: describeEndpoint({ host, port }), host, port }
}

function leastTtl(addresses: readonly Address[]): number {
  return Math.min(...addresses.map(({ ttl }) => ttl)) * 1000
}
