import { type CommunicationError, ConfigurationError, ConnectionError, describeEndpoint, type Endpoint } from '@comm/core'
import { readTls } from '@comm/core/tls'
import { withinLimit } from '@comm/messaging/adapter'
import { type AmqpConnectionManager, connect } from 'amqp-connection-manager'
import type { ChannelModel } from 'amqplib'
import { errors, fromAmqp } from './errors.ts'
import { CLOSE_LIMIT_MS, ignore, Link } from './link.ts'
import type { ResolvedOptions } from './options.ts'

export interface ConnectionEvents {
  /** A connection is there, and is `link` once this resolves. @throws when it is of no use */
  onUp(link: Link): Promise<void>
  /** It is `link` now. */
  onReady(): void
  onDown(reason: CommunicationError): void
}

/** The manager takes 0 for "not given". */
const NO_WAIT_S = 0.001

/**
 * A connection that comes back by itself, to each of the servers in turn, with jitter. amqp-connection-manager supervises it; channels
 * are not its business: its own would acknowledge old delivery tags on new channels.
 */
export class Connection {
  /** Undefined while disconnected. */
  link: Link | undefined
  /** Why RabbitMQ takes no publishes now; undefined when it does. */
  blocked: string | undefined
  /** Why there is no connection. */
  lastError: CommunicationError | undefined
  readonly #purpose: string
  readonly #options: ResolvedOptions
  readonly #events: ConnectionEvents
  /** Destroys the socket, also during a handshake. */
  #lifetime = new AbortController()
  #manager: AmqpConnectionManager | undefined
  #failures = 0
  #first: PromiseWithResolvers<void> | undefined

  /** @param purpose stands in the connection's name */
  constructor(purpose: string, options: ResolvedOptions, events: ConnectionEvents) {
    this.#purpose = purpose
    this.#options = options
    this.#events = events
  }

  /** Resolves when usable. Once it was, it comes back by itself until `close`. @throws CommunicationError, and nothing is left behind */
  async connect(signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw errors.aborted('connecting to', signal)
    const first = Promise.withResolvers<void>()
    this.#first = first
    const abort = (): void => first.reject(errors.aborted('connecting to', signal))
    signal.addEventListener('abort', abort)
    try {
      this.#supervise()
      await first.promise
    } catch (error) {
      await this.close()
      throw error
    } finally {
      signal.removeEventListener('abort', abort)
      if (this.#first === first) this.#first = undefined
    }
  }

  /** Idempotent; also ends a connect under way. */
  async close(): Promise<void> {
    const manager = this.#manager
    const lifetime = this.#lifetime
    this.#manager = undefined
    this.#first?.reject(errors.closed())
    if (manager === undefined) return
    manager.reconnectTimeInSeconds = NO_WAIT_S
    if (this.link === undefined) lifetime.abort()
    this.link = undefined
    await withinLimit(this.#options.clock, CLOSE_LIMIT_MS, manager.close().catch(ignore))
    lifetime.abort()
    manager.removeAllListeners()
  }

  #supervise(): void {
    const { servers, heartbeatMs, clientId, connectionTimeoutMs, isTls, ssl, username, password, virtualHost } = this.#options
    const lifetime = new AbortController()
    this.#lifetime = lifetime
    this.#failures = 0
    let turn = 0
    const manager = connect(null, {
      heartbeatIntervalInSeconds: Math.ceil(heartbeatMs / 1000),
      reconnectTimeInSeconds: NO_WAIT_S,
      // Asked whenever its last answer is used up: with one server at a time, before each try.
      findServers: async () => {
        const tls = isTls ? await readTls('rabbitmq.ssl', ssl) : undefined
        manager.connectionOptions = {
          ...tls,
          noDelay: true,
          timeout: connectionTimeoutMs,
          clientProperties: { connection_name: `${clientId} (${this.#purpose})` },
          // Read when the socket is made. One made with a signal that has aborted connects all the same, and would belong to nobody.
          get signal(): AbortSignal {
            lifetime.signal.throwIfAborted()
            return lifetime.signal
          },
        }
        const { host: hostname, port } = servers[turn++ % servers.length] as Endpoint
        // amqplib decodes the virtual host, as if it came out of a URL.
        const vhost = encodeURIComponent(virtualHost)
        return [{ protocol: isTls ? 'amqps' : 'amqp', hostname, port, username, password, vhost }]
      },
    })
    this.#manager = manager
    manager.on('connect', ({ connection }: { readonly connection: ChannelModel }) => void this.#up(manager, connection))
    manager.on('connectFailed', ({ err }: { readonly err: unknown }) => this.#failed(manager, err))
    manager.on('disconnect', ({ err }: { readonly err?: unknown }) => this.#down(manager, err))
    manager.on('blocked', ({ reason }) => this.#block(reason))
    manager.on('unblocked', () => this.#block(undefined))
  }

  async #up(manager: AmqpConnectionManager, model: ChannelModel): Promise<void> {
    const link = new Link(model)
    const problem = await this.#events
      .onUp(link)
      .then(ignore, (thrown: unknown) => fromAmqp('prepare a connection to RabbitMQ', thrown))
    // It may have been lost, or closed, meanwhile.
    if (manager !== this.#manager || manager.connection !== model) return
    this.lastError = problem ?? undefined
    if (problem) {
      this.#options.logger.error(`the ${this.#purpose} connection to RabbitMQ is of no use`, { error: problem })
      if (this.#first === undefined) void model.close().catch(ignore)
      else this.#first.reject(problem)
      return
    }
    this.link = link
    this.#failures = 0
    this.#first?.resolve()
    this.#events.onReady()
  }

  #failed(manager: AmqpConnectionManager, thrown: unknown): void {
    if (manager !== this.#manager) return
    this.lastError = this.#explain('connect to', thrown)
    this.#failures++
    if (this.#first !== undefined && this.#failures >= this.#options.servers.length) return this.#first.reject(this.lastError)
    this.#options.logger.debug(`no ${this.#purpose} connection to RabbitMQ`, { error: this.lastError })
    this.#backOff(manager)
  }

  #down(manager: AmqpConnectionManager, thrown: unknown): void {
    if (manager !== this.#manager) return
    const wasUp = this.link !== undefined
    this.link = undefined
    this.blocked = undefined
    this.#failures++
    if (wasUp) this.lastError = undefined
    this.lastError ??= this.#explain('keep the connection to', thrown ?? new Error('it was closed'))
    this.#backOff(manager)
    if (!wasUp) return
    this.#options.logger.warn(`the ${this.#purpose} connection to RabbitMQ was lost`, { error: this.lastError })
    this.#events.onDown(this.lastError)
  }

  /** The manager reads it after these events. */
  #backOff(manager: AmqpConnectionManager): void {
    const { reconnect, random } = this.#options
    const isFirstRound = this.#first !== undefined
    const waitMs = isFirstRound ? 0 : reconnect.delayMs({ retry: this.#failures, previousMs: undefined, random })
    manager.reconnectTimeInSeconds = Math.max(NO_WAIT_S, waitMs / 1000)
  }

  #block(reason: string | undefined): void {
    this.blocked = reason
    if (reason === undefined) this.#options.logger.info('RabbitMQ takes publishes again')
    else this.#options.logger.warn(`RabbitMQ takes no publishes now: ${reason}`)
  }

  #explain(attempt: string, thrown: unknown): CommunicationError {
    const { servers, virtualHost, username, isTls } = this.#options
    const what = `${attempt} RabbitMQ at ${servers.map(describeEndpoint).join(', ')}`
    const text = String((thrown as { readonly message?: unknown } | undefined)?.message)
    // All that amqplib says when the server closes the connection instead of opening the virtual host.
    if (text.includes('Expected ConnectionOpenOk')) {
      const denied = `it has no virtual host '${virtualHost}', or user '${username}' may not use it. Create it, or grant the permission`
      return new ConfigurationError(`cannot ${what}: ${denied}`, { cause: thrown })
    }
    const error = fromAmqp(what, thrown)
    if (isTls || !text.includes('Socket closed abruptly during opening handshake')) return error
    return new ConnectionError(`${error.message}. If its port is for TLS, set ssl`, { cause: thrown })
  }
}
