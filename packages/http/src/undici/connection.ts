import type { TlsMaterial } from '@comm/core'
import { Client, type Dispatcher, ProxyAgent } from 'undici'

/** Where a connection leads. */
export interface Route {
  readonly origin: string
  readonly tls: TlsMaterial | undefined
  /** The URL of the proxy that it goes through, with its credentials. */
  readonly proxy: string | undefined
}

// Time limits are kept by the exchange, which tells them apart.
const NO_LIMITS = { headersTimeout: 0, bodyTimeout: 0, connectTimeout: 0, allowH2: false } as const

/** One connection to one origin, made anew when it was closed. It carries one exchange at a time. */
export class Connection {
  /** Exchanges that ended well on the socket that is there now. */
  served = 0
  readonly #origin: string
  readonly #dispatcher: Dispatcher

  /** @param onIdleClose the server, or its own expiry, has closed the socket */
  constructor({ origin, tls, proxy }: Route, keepaliveExpiryMs: number, onIdleClose: (connection: Connection) => void) {
    const make = (to: string | URL, options: object): Client => {
      const kept = { keepAliveTimeout: keepaliveExpiryMs, keepAliveMaxTimeout: keepaliveExpiryMs }
      const client = new Client(to, { ...options, ...kept, ...NO_LIMITS })
      client.on('connect', () => {
        this.served = 0
      })
      client.on('disconnect', () => onIdleClose(this))
      return client
    }
    this.#origin = origin
    this.#dispatcher =
      proxy === undefined ? make(origin, tls === undefined ? {} : { connect: { ...tls } }) : throughProxy(proxy, tls, make)
  }

  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    options.origin = this.#origin
    this.#dispatcher.dispatch(options, handler)
  }

  close(): Promise<void> {
    return this.#dispatcher.close()
  }

  /** Cuts it, whatever it does. */
  destroy(): void {
    this.#dispatcher.destroy().catch(ignore)
  }
}

/** undici's own agent, which makes one connection here: a tunnel for https:, else to the proxy itself. */
function throughProxy(
  proxy: string,
  tls: TlsMaterial | undefined,
  make: (to: string | URL, options: object) => Client,
): Dispatcher {
  return new ProxyAgent({
    uri: proxy,
    ...NO_LIMITS,
    factory: make,
    clientFactory: (to, options) => new Client(to, { ...options, ...NO_LIMITS }),
    ...(tls === undefined ? {} : { requestTls: { ...tls } }),
  })
}

function ignore(): void {}
