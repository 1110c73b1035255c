import { isDeepStrictEqual } from 'node:util'
import { type Clock, type CommunicationError, type Logger, type TlsListener, type TlsMaterial, TlsReloader } from '@comm/core'
import type { Service } from '../config/service.ts'
import type { UpstreamTls } from '../config/service-config.ts'

/** What the connections to a service are made with. */
export class ServiceTls implements Disposable {
  readonly reloader: TlsReloader
  /** Expected in the certificates of its instances; undefined: the host of each. */
  readonly serverName: string | undefined
  readonly #config: UpstreamTls | TlsReloader
  readonly #tlsName: string | undefined

  /** @throws ConfigurationError for files that cannot be read, and material that cannot be used */
  constructor({ name, tls, tlsName }: Service & { readonly tls: NonNullable<Service['tls']> }, logger: Logger, clock: Clock) {
    this.#config = tls
    this.#tlsName = tlsName
    this.reloader = tls instanceof TlsReloader ? tls : new TlsReloader(`services.${name}.tls`, tls, { logger, clock })
    this.serverName = tlsName ?? this.reloader.current.servername
  }

  /** For the next connection. */
  get current(): TlsMaterial {
    const { current } = this.reloader
    return this.#tlsName === undefined ? current : { ...current, servername: this.#tlsName }
  }

  /** Why files are not in use as they are now. */
  get problem(): CommunicationError | undefined {
    return this.reloader.problem
  }

  /** @returns stops that */
  onChange(listener: TlsListener): () => void {
    return this.reloader.onChange(listener)
  }

  is({ tls, tlsName }: Service): boolean {
    if (tlsName !== this.#tlsName) return false
    const isGiven = tls instanceof TlsReloader || this.#config instanceof TlsReloader
    return isGiven ? tls === this.#config : isDeepStrictEqual(tls, this.#config)
  }

  /** One that was given belongs to whoever gave it. */
  [Symbol.dispose](): void {
    if (this.reloader !== this.#config) this.reloader[Symbol.dispose]()
  }
}

/** Those of the services of another configuration: what has not changed stays. @throws ConfigurationError; nothing is left behind then */
export function serviceTlsOf(
  services: Iterable<Service>,
  before: ReadonlyMap<string, ServiceTls>,
  { logger, clock }: { readonly logger: Logger; readonly clock: Clock },
): ReadonlyMap<string, ServiceTls> {
  const made = new Map<string, ServiceTls>()
  try {
    for (const service of services) {
      const { name, tls } = service
      if (tls === undefined) continue
      const known = before.get(name)
      made.set(name, known?.is(service) ? known : new ServiceTls({ ...service, tls }, logger, clock))
    }
  } catch (wrong) {
    disposeAbsent(made, before)
    throw wrong
  }
  return made
}

/** @param kept those that go on */
export function disposeAbsent(some: ReadonlyMap<string, ServiceTls>, kept: ReadonlyMap<string, ServiceTls>): void {
  for (const [name, tls] of some) if (kept.get(name) !== tls) tls[Symbol.dispose]()
}
