import { type Clock, type Health, type Logger, type TlsMaterial, type TlsOptions, TlsReloader, UP } from '@comm/core'
import { object, type Rule } from '@comm/core/options'

/** Where the TLS material of the next connection comes from: core's TlsReloader is one. */
export interface TlsSource {
  /** The same object until it changes: connections made with one serve no requests that want another. */
  readonly current: TlsMaterial
}

/** PEM texts, or files that may be replaced while the client lives. */
export type ClientTlsOptions = Omit<TlsOptions, 'enabled'>

export const tlsOption: Rule = {
  expected: 'an object with ca, cert, key or their files, or a TlsReloader',
  accepts: object.accepts,
}

/** What the connections of a client are made with. */
export class ClientTls implements TlsSource, Disposable {
  readonly #source: TlsSource
  readonly #reloader: TlsReloader | undefined
  readonly #anonymous: TlsSource

  /** @throws ConfigurationError for what cannot be read or used */
  constructor(tls: ClientTlsOptions | TlsSource, logger: Logger, clock: Clock) {
    this.#reloader = 'current' in tls ? undefined : new TlsReloader('HttpClient.tls', tls, { logger, clock })
    this.#source = this.#reloader ?? (tls as TlsSource)
    this.#anonymous = withoutServerName(this.#source)
  }

  get current(): TlsMaterial {
    return this.#source.current
  }

  /** For connections to servers of other names. */
  get forOthers(): TlsSource {
    return this.#anonymous
  }

  /** Degraded while there are files that cannot be used, and older ones are. */
  health(): Health {
    const problem = this.#reloader?.problem
    return problem === undefined ? UP : { status: 'degraded', reason: problem.message }
  }

  [Symbol.dispose](): void {
    this.#reloader?.[Symbol.dispose]()
  }
}

function withoutServerName(source: TlsSource): TlsSource {
  let of: TlsMaterial | undefined
  let material: TlsMaterial = {}
  return {
    get current(): TlsMaterial {
      if (of === source.current) return material
      of = source.current
      const { servername: _name, ...rest } = of
      material = rest
      return material
    },
  }
}
