import type { AgentOptions, Agent as HttpAgent } from 'node:http'
import { type Cancellation, type Clock, systemClock } from '@comm/core'
import { checkOptions, withDefaults } from '@comm/core/options'
import { exchange, type StreamRequest } from './got-exchange.ts'
import { InFlight } from './in-flight.ts'
import { POOL_DEFAULTS, TRANSPORT_RULES } from './pool-options.ts'
import { type AgentPair, agentPair } from './proxy/got-agents.ts'
import { Proxies } from './proxy/proxies.ts'
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
  readonly #options: AgentOptions
  readonly #direct: AgentPair
  readonly #proxies: Proxies | undefined
  /** By the URL of the proxy. */
  readonly #proxied = new Map<string, AgentPair>()
  #streamRequest: StreamRequest | undefined
  #loading: Promise<StreamRequest> | undefined
  readonly #inFlight = new InFlight()
  #closing: Promise<void> | undefined

  constructor(options: TransportOptions) {
    const { maxConnections, maxKeepaliveConnections, keepaliveExpiryMs } = withDefaults(POOL_DEFAULTS, options)
    this.#options = {
      keepAlive: maxKeepaliveConnections > 0,
      maxSockets: maxConnections,
      maxFreeSockets: maxKeepaliveConnections,
      timeout: keepaliveExpiryMs,
    }
    this.#clock = options.clock ?? systemClock
    this.#direct = agentPair(this.#options)
    this.#proxies = options.proxy === undefined ? undefined : new Proxies('gotTransport', options.proxy)
  }

  send(request: TransportRequest, signal: AbortSignal | undefined): Promise<TransportResponse> {
    return this.sendUntil(request, signal)
  }

  sendUntil(request: TransportRequest, cancellation: Cancellation | undefined): Promise<TransportResponse> {
    const { ended } = this.#inFlight
    try {
      this.#inFlight.begin(request, cancellation)
    } catch (refused) {
      return Promise.reject(refused)
    }
    const begin = (streamRequest: StreamRequest): Promise<TransportResponse> =>
      exchange(streamRequest, { request, cancellation, clock: this.#clock, ended, agents: this.#agentsThrough(request) })
    if (this.#streamRequest !== undefined) return begin(this.#streamRequest)
    return this.#load().then(
      (streamRequest) => {
        if (!cancellation?.aborted) return begin(streamRequest)
        ended()
        throw cancellation.reason
      },
      (unloadable: unknown) => {
        ended()
        throw unloadable
      },
    )
  }

  stats(): TransportStats {
    let [open, idle, pending] = [0, 0, 0]
    for (const agent of this.#agents()) {
      const free = count(agent.freeSockets)
      idle += free
      open += free + count(agent.sockets)
      pending += count(agent.requests)
    }
    return { open, idle, pending }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.#inFlight.drain()
    await Promise.all([...this.#agents()].map(closeIdle))
  }

  *#agents(): Iterable<HttpAgent> {
    for (const { http, https } of [this.#direct, ...this.#proxied.values()]) yield* [http, https]
  }

  /** Those of the proxy that the request goes through. */
  #agentsThrough({ url }: TransportRequest): AgentPair | undefined {
    const proxy = this.#proxies?.for(url)
    if (proxy === undefined) return undefined
    let agents = this.#proxied.get(proxy)
    if (agents === undefined) {
      agents = agentPair(this.#options, proxy)
      this.#proxied.set(proxy, agents)
    }
    return agents
  }

  #load(): Promise<StreamRequest> {
    this.#loading ??= import('got').then(({ default: got }) => {
      const bare = got.extend({
        agent: { ...this.#direct },
        // got copies the lists for each request.
        retry: { limit: 0, methods: [], statusCodes: [], errorCodes: [] },
        throwHttpErrors: false,
        followRedirect: false,
        decompress: false,
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
