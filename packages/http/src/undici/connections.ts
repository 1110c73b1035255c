import type { TlsOptions, TransportStats } from '../transport.ts'
import { Connection } from './connection.ts'

export interface ConnectionLimits {
  readonly maxConnections: number
  readonly maxKeepaliveConnections: number
  readonly keepaliveExpiryMs: number
}

/** Gets a connection, sooner or later. */
export type Waiter = (connection: Connection) => void

/**
 * The connections to one origin: at most so many, of which a limited number is kept while idle. Unlike undici's own Pool it knows a limit
 * for idle ones, hands out the one used last, so that others may expire, and finds it in O(1).
 */
export class Connections {
  readonly #origin: string
  readonly #tls: TlsOptions | undefined
  readonly #limits: ConnectionLimits
  /** Used last, at the end. */
  readonly #idle: Connection[] = []
  /** In order of arrival. */
  readonly #waiting = new Set<Waiter>()
  #busy = 0

  constructor(origin: string, tls: TlsOptions | undefined, limits: ConnectionLimits) {
    this.#origin = origin
    this.#tls = tls
    this.#limits = limits
  }

  get stats(): TransportStats {
    return { open: this.#busy + this.#idle.length, idle: this.#idle.length, pending: this.#waiting.size }
  }

  /** Calls the waiter with a connection: at once, or when there is one. */
  acquire(waiter: Waiter): void {
    const connection = this.#idle.pop() ?? (this.#busy < this.#limits.maxConnections ? this.#open() : undefined)
    if (connection === undefined) {
      this.#waiting.add(waiter)
      return
    }
    this.#busy++
    waiter(connection)
  }

  /** It waits no longer. */
  forget(waiter: Waiter): void {
    this.#waiting.delete(waiter)
  }

  /** The exchange on it has ended. @param isUsable as HTTP/1.1 sees it: its answer was read to the end */
  release(connection: Connection, isUsable: boolean): void {
    this.#busy--
    if (!isUsable) connection.destroy()
    const [next] = this.#waiting
    if (next !== undefined) {
      this.#waiting.delete(next)
      this.#busy++
      return next(isUsable ? connection : this.#open())
    }
    if (!isUsable) return
    connection.served++
    if (this.#idle.length < this.#limits.maxKeepaliveConnections) this.#idle.push(connection)
    else connection.destroy()
  }

  /** Cuts those that are idle. */
  closeIdle(): Promise<unknown> {
    return Promise.all(this.#idle.splice(0).map(({ client }) => client.close()))
  }

  #open(): Connection {
    return new Connection(this.#origin, this.#tls, this.#limits.keepaliveExpiryMs, this.#closed)
  }

  readonly #closed = (connection: Connection): void => {
    const at = this.#idle.indexOf(connection)
    if (at < 0) return
    this.#idle.splice(at, 1)
    connection.destroy()
  }
}
