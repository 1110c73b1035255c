import { createSecureContext, type SecureContext } from 'node:tls'
import { type Clock, type CommunicationError, type Logger, type TlsMaterial, TlsReloader } from '@comm/core'
import type { GatewayTls } from './tls.ts'

export type CertificateOptions = Omit<GatewayTls, 'http2' | 'requestCert'>
export type SecureContextOf = (name: string) => SecureContext

/** Certificates of one configuration: the main one, and those of names. */
export class CertificateSet implements Disposable {
  readonly #reloaders: readonly TlsReloader[]
  readonly #main: TlsReloader
  readonly #contexts = new Map<string, SecureContext>()
  #context: SecureContext

  /** @throws ConfigurationError for files that cannot be read, and certificates that do not fit their keys */
  constructor({ names = {}, ...main }: CertificateOptions, onRenewed: (main: TlsMaterial) => void, logger: Logger, clock: Clock) {
    const made: TlsReloader[] = []
    const read = (what: string, options: object): TlsReloader => {
      const reloader = new TlsReloader(what, options, { logger, clock })
      made.push(reloader)
      return reloader
    }
    try {
      this.#main = read('gateway.tls', main)
      const renewals = Object.entries(names).map(([name, options]) => {
        const reloader = read(`gateway.tls.names.${name}`, options)
        const renew = () => this.#contexts.set(name.toLowerCase(), this.#contextOf(reloader.current))
        reloader.onChange(renew)
        return renew
      })
      this.#context = contextOf(this.#main.current)
      for (const renew of renewals) renew()
      this.#main.onChange((material) => {
        this.#context = contextOf(material)
        for (const renew of renewals) renew()
        onRenewed(material)
      })
    } catch (wrong) {
      for (const reloader of made) reloader[Symbol.dispose]()
      throw wrong
    }
    this.#reloaders = made
  }

  get main(): TlsMaterial {
    return this.#main.current
  }

  get problem(): CommunicationError | undefined {
    return this.#reloaders.find(({ problem }) => problem !== undefined)?.problem
  }

  /** The certificate for a name: its own, that of its wildcard, the main one. */
  contextFor(name: string): SecureContext {
    const key = name.toLowerCase()
    return this.#contexts.get(key) ?? this.#contexts.get(key.replace(/^[^.]+/, '*')) ?? this.#context
  }

  async reload(): Promise<void> {
    await Promise.all(this.#reloaders.map((reloader) => reloader.reload()))
  }

  [Symbol.dispose](): void {
    for (const reloader of this.#reloaders) reloader[Symbol.dispose]()
  }

  /** Clients show certificates of the same authorities whatever name they ask for, unless that name has its own. */
  #contextOf(material: TlsMaterial): SecureContext {
    const { ca } = this.#main.current
    return contextOf(ca === undefined ? material : { ca, ...material })
  }
}

function contextOf({ servername: _, ...material }: TlsMaterial): SecureContext {
  return createSecureContext(material)
}
