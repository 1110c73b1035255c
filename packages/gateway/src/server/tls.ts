import { isDeepStrictEqual } from 'node:util'
import type { Clock, CommunicationError, Logger, TlsMaterial, TlsOptions } from '@comm/core'
import { type CertificateOptions, CertificateSet, type SecureContextOf } from './certificate-set.ts'

/** TLS on the side of the clients: files are looked at again and again, and a renewed certificate needs no restart. */
export interface GatewayTls extends Omit<TlsOptions, 'serverName' | 'enabled'> {
  /** Certificates of their own for names that clients ask for (SNI): `api.example.com`, `*.example.com`. */
  readonly names?: Readonly<Record<string, Omit<TlsOptions, 'serverName' | 'enabled'>>>
  /**
   * Asks clients for certificates, and verifies them by the authorities of `ca`. Who has none is let in: routes with `clientCertificate`
   * or `auth` say who may use them. @default false
   */
  readonly requestCert?: boolean
  /** HTTP/2 beside HTTP/1.1, as clients wish (ALPN). @default true */
  readonly http2?: boolean
}

/** The certificates in use. */
export class Certificates implements Disposable {
  readonly #logger: Logger
  readonly #clock: Clock
  readonly #listeners = new Set<(material: TlsMaterial) => void>()
  #options: CertificateOptions
  #set: CertificateSet

  /** @throws ConfigurationError for files that cannot be read, and certificates that do not fit their keys */
  constructor(tls: GatewayTls, logger: Logger, clock: Clock) {
    this.#logger = logger
    this.#clock = clock
    this.#options = certificatesOf(tls)
    this.#set = this.#read(this.#options)
  }

  /** What a server is made with. */
  get material(): TlsMaterial {
    return this.#set.main
  }

  /** Why files are not in use as they are now. */
  get problem(): CommunicationError | undefined {
    return this.#set.problem
  }

  readonly contextFor: SecureContextOf = (name) => this.#set.contextFor(name)

  /** Looks at the files now. */
  reload(): Promise<void> {
    return this.#set.reload()
  }

  /**
   * Reads others: new connections get them from `take()` on, which throws nothing.
   * @throws ConfigurationError; nothing has changed then
   */
  prepare(tls: GatewayTls): Prepared {
    const options = certificatesOf(tls)
    if (isDeepStrictEqual(options, this.#options)) return { take: () => undefined, [Symbol.dispose]: () => undefined }
    const next = this.#read(options)
    return {
      take: () => {
        this.#set[Symbol.dispose]()
        this.#set = next
        this.#options = options
        this.#tell(next.main)
      },
      [Symbol.dispose]: () => {
        if (this.#set !== next) next[Symbol.dispose]()
      },
    }
  }

  /** For a server that chooses no certificate by name. */
  onChange(listener: (material: TlsMaterial) => void): void {
    this.#listeners.add(listener)
  }

  [Symbol.dispose](): void {
    this.#set[Symbol.dispose]()
    this.#listeners.clear()
  }

  #read(options: CertificateOptions): CertificateSet {
    return new CertificateSet(options, (material) => this.#tell(material), this.#logger, this.#clock)
  }

  #tell(material: TlsMaterial): void {
    for (const listener of this.#listeners) listener(material)
  }
}

export interface Prepared extends Disposable {
  take(): void
}

function certificatesOf({ http2: _, requestCert: __, ...certificates }: GatewayTls): CertificateOptions {
  return certificates
}
