import { type Clock, CommunicationError, systemClock } from '@comm/core'
import { checkOptions, withDefaults } from '@comm/core/options'
import { POOL_DEFAULTS, TRANSPORT_RULES } from '../pool-options.ts'
import type {
  HttpTransport,
  TlsOptions,
  TransportOptions,
  TransportRequest,
  TransportResponse,
  TransportStats,
} from '../transport.ts'
import { displayUrl } from '../url.ts'
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
  readonly #limits: Required<Omit<TransportOptions, 'clock'>>
  /** By the material of the connection, then by origin. */
  readonly #connections = new Map<TlsOptions | undefined, Map<string, Connections>>()
  #active = 0
  #closing: Promise<void> | undefined
  #drained: (() => void) | undefined

  constructor(options: TransportOptions) {
    const { clock = systemClock, ...limits } = withDefaults(POOL_DEFAULTS, options)
    this.#clock = clock
    this.#limits = limits
  }

  send(request: TransportRequest, signal: AbortSignal | undefined): Promise<TransportResponse> {
    if (this.#closing !== undefined) {
      const error = new CommunicationError(`${request.method} ${displayUrl(request.url)} was not sent: the client is closed`, {
        code: 'COMM_CLOSED',
      })
      return Promise.reject(error)
    }
    if (signal?.aborted) return Promise.reject(signal.reason)
    this.#active++
    return new Promise((resolve, reject) => {
      const connections = this.#connectionsTo(request)
      new UndiciExchange({ request, signal, clock: this.#clock, connections, resolve, reject, ended: this.#ended }).start()
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
    if (this.#active > 0) await new Promise<void>((resolve) => (this.#drained = resolve))
    await Promise.all([...this.#all()].map((connections) => connections.closeIdle()))
  }

  readonly #ended = (): void => {
    this.#active--
    if (this.#active === 0) this.#drained?.()
  }

  #connectionsTo({ url: { origin }, tls }: TransportRequest): Connections {
    let byOrigin = this.#connections.get(tls)
    if (byOrigin === undefined) {
      byOrigin = new Map()
      this.#connections.set(tls, byOrigin)
    }
    let connections = byOrigin.get(origin)
    if (connections === undefined) {
      connections = new Connections(origin, tls, this.#limits)
      byOrigin.set(origin, connections)
    }
    return connections
  }

  *#all(): Iterable<Connections> {
    for (const byOrigin of this.#connections.values()) yield* byOrigin.values()
  }
}
