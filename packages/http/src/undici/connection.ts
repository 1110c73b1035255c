import { Client } from 'undici'
import type { TlsOptions } from '../transport.ts'

/** One connection to one origin, made anew when it was closed. It carries one exchange at a time. */
export class Connection {
  readonly client: Client
  /** Exchanges that ended well on the socket that is there now. */
  served = 0

  /** @param onIdleClose the server, or its own expiry, has closed the socket */
  constructor(
    origin: string,
    tls: TlsOptions | undefined,
    keepaliveExpiryMs: number,
    onIdleClose: (connection: Connection) => void,
  ) {
    this.client = new Client(origin, {
      keepAliveTimeout: keepaliveExpiryMs,
      keepAliveMaxTimeout: keepaliveExpiryMs,
      // Time limits are kept by the exchange, which tells them apart.
      headersTimeout: 0,
      bodyTimeout: 0,
      connectTimeout: 0,
      allowH2: false,
      ...(tls === undefined ? undefined : { connect: connectOptions(tls) }),
    })
    this.client.on('connect', () => {
      this.served = 0
    })
    this.client.on('disconnect', () => onIdleClose(this))
  }

  /** Cuts it, whatever it does. */
  destroy(): void {
    this.client.destroy().catch(ignore)
  }
}

function ignore(): void {}

function connectOptions({ ca, cert, key, passphrase, serverName: servername }: TlsOptions): Record<string, unknown> {
  const given = Object.entries({ ca, cert, key, passphrase, servername }).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given.map(([name, value]) => [name, value instanceof Uint8Array ? Buffer.from(value) : value]))
}
