import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { type Clock, systemClock } from '@comm/core'
import { checkOptions, withDefaults } from '@comm/core/options'
import { exchange, type StreamRequest } from './got-exchange.ts'
import { InFlight } from './in-flight.ts'
import { POOL_DEFAULTS, TRANSPORT_RULES } from './pool-options.ts'
import type { HttpTransport, TransportOptions, TransportRequest, TransportResponse, TransportStats } from './transport.ts'

/**
 * A transport on got and Node's own HTTP/1.1 agents. got is loaded with the first request: importing it costs more than all
 * of this package.
 */
export function gotTransport(options: TransportOptions = {}): HttpTransport {
  checkOptions('gotTransport', options, TRANSPORT_RULES)
  return new GotTransport(options)
}

class GotTransport implements HttpTransport {
  readonly name = 'got'
  readonly #clock: Clock
  readonly #http: HttpAgent
  readonly #https: HttpsAgent
  #streamRequest: StreamRequest | undefined
  #loading: Promise<StreamRequest> | undefined
  readonly #inFlight = new InFlight()
  #closing: Promise<void> | undefined

  constructor(options: TransportOptions) {
    const { maxConnections, maxKeepaliveConnections, keepaliveExpiryMs } = withDefaults(POOL_DEFAULTS, options)
    const agent = {
      keepAlive: maxKeepaliveConnections > 0,
      maxSockets: maxConnections,
      maxFreeSockets: maxKeepaliveConnections,
      timeout: keepaliveExpiryMs,
    }
    this.#clock = options.clock ?? systemClock
    this.#http = new HttpAgent(agent)
    this.#https = new HttpsAgent(agent)
  }

  async send(request: TransportRequest, signal: AbortSignal | undefined): Promise<TransportResponse> {
    this.#inFlight.begin(request, signal)
    let started = false
    try {
      const streamRequest = this.#streamRequest ?? (await this.#load())
      signal?.throwIfAborted()
      started = true
      return await exchange(streamRequest, request, signal, this.#clock, this.#inFlight.ended)
    } finally {
      if (!started) this.#inFlight.ended()
    }
  }

  stats(): TransportStats {
    const idle = count(this.#http.freeSockets) + count(this.#https.freeSockets)
    return {
      open: idle + count(this.#http.sockets) + count(this.#https.sockets),
      idle,
      pending: count(this.#http.requests) + count(this.#https.requests),
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.#inFlight.drain()
    await Promise.all([closeIdle(this.#http), closeIdle(this.#https)])
  }

  #load(): Promise<StreamRequest> {
    this.#loading ??= import('got').then(({ default: got }) => {
      const bare = got.extend({
        agent: { http: this.#http, https: this.#https },
        retry: { limit: 0 },
        throwHttpErrors: false,
        followRedirect: false,
        decompress: false,
        allowGetBody: true,
      })
      this.#streamRequest = bare.stream as StreamRequest
      return this.#streamRequest
    })
    return this.#loading
  }
}

function count(byOrigin: NodeJS.ReadOnlyDict<readonly unknown[]>): number {
  let total = 0
  for (const list of Object.values(byOrigin)) total += list?.length ?? 0
  return total
}

async function closeIdle(agent: HttpAgent): Promise<void> {
  const sockets = Object.values(agent.freeSockets).flatMap((list) => list ?? [])
  const closed = sockets.map(
    (socket) => new Promise((resolve) => (socket.closed ? resolve(undefined) : socket.once('close', resolve))),
  )
  agent.destroy()
  await Promise.all(closed)
}
