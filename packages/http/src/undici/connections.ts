import type { TransportStats } from '../transport.ts'
import { Connection, type Route } from './connection.ts'

export interface ConnectionLimits {
  readonly maxConnections: number
  readonly maxKeepaliveConnections: number
  readonly keepaliveExpiryMs: number
}

/** Waits for a connection. */
export interface Waiter {
  /** Gets it, sooner or later. */
  connected(connection: Connection): void
}

/**
 * The connections to one origin: at most so many, of which a limited number is kept while idle. Unlike undici's own Pool it knows a limit
 * for idle ones, hands out the one used last, so that others may expire, and finds it in O(1).
 */
export class Connections {
  readonly #route: Route
  readonly #limits: ConnectionLimits
  /** Used last, at the end. */
  readonly #idle: Connection[] = []
  /** In order of arrival. */
  readonly #waiting = new Set<Waiter>()
  readonly #onEmpty: () => void
  #busy = 0

  /** @param onEmpty there is no connection left, and nobody waits for one */
  constructor(route: Route, limits: ConnectionLimits, onEmpty: () => void) {
    this.#route = route
    this.#limits = limits
    this.#onEmpty = onEmpty
  }

  get stats(): TransportStats {
    return { open: this.#busy + this.#idle.length, idle: this.#idle.length, pending: this.#waiting.size }
  }

  /** Gives the waiter a connection: at once, or when there is one. */
  acquire(waiter: Waiter): void {
    const connection = this.#idle.pop() ?? (this.#busy < this.#limits.maxConnections ? this.#open() : undefined)
    if (connection === undefined) {
      this.#waiting.add(waiter)
      return
    }
    this.#busy++
    waiter.connected(connection)
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
      return next.connected(isUsable ? connection : this.#open())
    }
    if (!isUsable) return this.#leave()
    connection.served++
    if (this.#idle.length < this.#limits.maxKeepaliveConnections) return void this.#idle.push(connection)
    connection.destroy()
    this.#leave()
  }

  /** Cuts those that are idle. */
  closeIdle(): Promise<unknown> {
    return Promise.all(this.#idle.splice(0).map((connection) => connection.close()))
  }

  #open(): Connection {
    return new Connection(this.#route, this.#limits.keepaliveExpiryMs, this.#closed)
  }

  readonly #closed = (connection: Connection): void => {
    const at = this.#idle.indexOf(connection)
    if (at < 0) return
    this.#idle.splice(at, 1)
    connection.destroy()
    this.#leave()
  }

  #leave(): void {
    if (this.#busy === 0 && this.#idle.length === 0 && this.#waiting.size === 0) this.#onEmpty()
  }
}
