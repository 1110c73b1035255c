import {
  type CommunicationError,
  ConfigurationError,
  ConnectionError,
  describeEndpoint,
  type Endpoint,
  unlessAborted,
  withinLimit,
} from '@comm/core'
import { readTls } from '@comm/core/tls'
import type { ServerOptions } from '@comm/messaging/adapter'
import { type AmqpConnectionManager, connect } from 'amqp-connection-manager'
import type { ChannelModel } from 'amqplib'
import { fromAmqp, rabbitErrors } from './errors.ts'
import { CLOSE_LIMIT_MS, ignore, Link } from './link.ts'
import { readIntoMemory } from './wire/confirms.ts'

type Settings = 'ssl' | 'clientId' | 'connectionTimeoutMs' | 'reconnect' | 'logger' | 'clock' | 'random' | 'username' | 'password'

/** The servers, and how to connect to them; every default in its place. */
export interface ConnectionOptions extends Pick<Required<ServerOptions>, Settings> {
  /** Tried in turn. */
  readonly servers: readonly Endpoint[]
  readonly isTls: boolean
  readonly virtualHost: string
  /** 0: none. */
  readonly heartbeatMs: number
}

export interface ConnectionParts {
  /** Stands in the connection's name. */
  readonly purpose: string
  readonly options: ConnectionOptions
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
  readonly #parts: ConnectionParts
  /** Destroys the socket, also during a handshake. */
  #lifetime = new AbortController()
  #manager: AmqpConnectionManager | undefined
  #failures = 0
  #first: PromiseWithResolvers<void> | undefined

  constructor(parts: ConnectionParts) {
    this.#parts = parts
  }

  /** Resolves when usable. Once it was, it comes back by itself until `close`. @throws CommunicationError, and nothing is left behind */
  async connect(signal: AbortSignal): Promise<void> {
    this.#first = Promise.withResolvers()
    try {
      this.#supervise()
      await unlessAborted(this.#first.promise, signal)
    } catch (thrown) {
      await this.close()
      throw signal.aborted ? rabbitErrors.aborted('connecting to', signal) : thrown
    } finally {
      this.#first = undefined
    }
  }

  /** Idempotent; also ends a connect under way. */
  async close(): Promise<void> {
    const manager = this.#manager
    const lifetime = this.#lifetime
    this.#manager = undefined
    this.#first?.reject(rabbitErrors.closed())
    if (manager === undefined) return
    manager.reconnectTimeInSeconds = NO_WAIT_S
    if (this.link === undefined) lifetime.abort()
    this.link = undefined
    await withinLimit(this.#parts.options.clock, CLOSE_LIMIT_MS, manager.close().catch(ignore))
    lifetime.abort()
    manager.removeAllListeners()
  }

  #supervise(): void {
    const { servers, heartbeatMs, clientId, connectionTimeoutMs, isTls, ssl, username, password, virtualHost } =
      this.#parts.options
    const lifetime = new AbortController()
    this.#lifetime = lifetime
    this.#failures = 0
    // Of the last try: a signal keeps what was made with it for as long as it lives itself.
    let socket = new AbortController()
    lifetime.signal.onabort = () => socket.abort()
    let turn = 0
    const manager = connect(null, {
      heartbeatIntervalInSeconds: Math.ceil(heartbeatMs / 1000),
      reconnectTimeInSeconds: NO_WAIT_S,
      // Asked whenever its last answer is used up: with one server at a time, before each try.
      findServers: async () => {
        const tls = isTls ? await readTls('rabbitmq.ssl', ssl) : undefined
        socket = new AbortController()
        manager.connectionOptions = {
          ...tls,
          noDelay: true,
          ...readIntoMemory(),
          timeout: connectionTimeoutMs,
          clientProperties: { connection_name: `${clientId} (${this.#parts.purpose})` },
          // Read when the socket is made. One made with a signal that has aborted connects all the same, and would belong to nobody.
          get signal(): AbortSignal {
            lifetime.signal.throwIfAborted()
            return socket.signal
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
    const { onUp, onReady, options, purpose } = this.#parts
    const link = new Link(model)
    const prepared = onUp(link).then(() => undefined)
    const problem = await prepared.catch((thrown: unknown) => fromAmqp('prepare a connection to RabbitMQ', thrown))
    // It may have been lost, or closed, meanwhile.
    if (manager !== this.#manager || manager.connection !== model) return
    this.lastError = problem
    if (problem === undefined) {
      this.link = link
      this.#failures = 0
      this.#first?.resolve()
      return onReady()
    }
    options.logger.error(`the ${purpose} connection to RabbitMQ is of no use`, { error: problem })
    if (this.#first === undefined) void model.close().catch(ignore)
    else this.#first.reject(problem)
  }

  #failed(manager: AmqpConnectionManager, thrown: unknown): void {
    if (manager !== this.#manager) return
    this.lastError = this.#explain('connect to', thrown)
    this.#failures++
    if (this.#first !== undefined && this.#failures >= this.#parts.options.servers.length)
      return this.#first.reject(this.lastError)
    this.#parts.options.logger.debug(`no ${this.#parts.purpose} connection to RabbitMQ`, { error: this.lastError })
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
    this.#parts.options.logger.warn(`the ${this.#parts.purpose} connection to RabbitMQ was lost`, { error: this.lastError })
    this.#parts.onDown(this.lastError)
  }

  /** The manager reads it after these events. */
  #backOff(manager: AmqpConnectionManager): void {
    const { reconnect, random } = this.#parts.options
    const isFirstRound = this.#first !== undefined
    const waitMs = isFirstRound ? 0 : reconnect.delayMs({ retry: this.#failures, previousMs: undefined, random })
    manager.reconnectTimeInSeconds = Math.max(NO_WAIT_S, waitMs / 1000)
  }

  #block(reason: string | undefined): void {
    this.blocked = reason
    if (reason === undefined) this.#parts.options.logger.info('RabbitMQ takes publishes again')
    else this.#parts.options.logger.warn(`RabbitMQ takes no publishes now: ${reason}`)
  }

  #explain(attempt: string, thrown: unknown): CommunicationError {
    const { servers, virtualHost, username, isTls } = this.#parts.options
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
