import { type Cancellation, type Clock, systemClock, type TlsMaterial } from '@comm/core'
import { checkOptions, withDefaults } from '@comm/core/options'
import { InFlight } from '../in-flight.ts'
import { POOL_DEFAULTS, TRANSPORT_RULES } from '../pool-options.ts'
import { Proxies } from '../proxy/proxies.ts'
import type { HttpTransport, TransportOptions, TransportRequest, TransportResponse, TransportStats } from '../transport.ts'
import { Connections } from './connections.ts'
import { UndiciExchange } from './exchange.ts'

/** A transport on undici's dispatch: a fraction of got's cost, HTTP/1.1. Give it to a client as `transport`. @throws ConfigurationError */
export function undiciTransport(options: TransportOptions = {}): HttpTransport {
  checkOptions('undiciTransport', options, TRANSPORT_RULES)
  return new UndiciTransport(options)
}

class UndiciTransport implements HttpTransport {
  readonly name = 'undici'
  readonly #clock: Clock
  readonly #limits: Required<Omit<TransportOptions, 'clock' | 'proxy'>>
  readonly #proxies: Proxies | undefined
  /** By the material of the connection, then by origin. */
  readonly #connections = new Map<TlsMaterial | undefined, Map<string, Connections>>()
  readonly #inFlight = new InFlight()
  #closing: Promise<void> | undefined

  constructor(options: TransportOptions) {
    const { clock = systemClock, proxy, ...limits } = withDefaults(POOL_DEFAULTS, options)
    this.#clock = clock
    this.#limits = limits
    this.#proxies = proxy === undefined ? undefined : new Proxies('undiciTransport', proxy)
  }

  send(request: TransportRequest, signal: AbortSignal | undefined): Promise<TransportResponse> {
    return this.sendUntil(request, signal)
  }

  sendUntil(request: TransportRequest, cancellation: Cancellation | undefined): Promise<TransportResponse> {
    return new Promise((resolve, reject) => {
      this.#inFlight.begin(request, cancellation)
      const { ended } = this.#inFlight
      const parts = { request, cancellation, clock: this.#clock, resolve, reject, ended }
      new UndiciExchange(this.#connectionsTo(request), parts).start()
    })
  }

  stats(): TransportStats {
    let [open, idle, pending] = [0, 0, 0]
    for (const each of this.#all()) {
      const { stats } = each
      open += stats.open
      idle += stats.idle
      pending += stats.pending
    }
    return { open, idle, pending }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.#inFlight.drain()
    await Promise.all([...this.#all()].map((connections) => connections.closeIdle()))
  }

  #connectionsTo({ url, tls }: TransportRequest): Connections {
    const { origin } = url
    let byOrigin = this.#connections.get(tls)
    if (byOrigin === undefined) {
      byOrigin = new Map()
      this.#connections.set(tls, byOrigin)
    }
    let connections = byOrigin.get(origin)
    if (connections === undefined) {
      const origins = byOrigin
      connections = new Connections({ origin, tls, proxy: this.#proxies?.for(url) }, this.#limits, () => {
        if (origins.delete(origin) && origins.size === 0) this.#connections.delete(tls)
      })
      byOrigin.set(origin, connections)
    }
    return connections
  }

  *#all(): Iterable<Connections> {
    for (const byOrigin of this.#connections.values()) yield* byOrigin.values()
  }
}
