import { type CommunicationError, ConfigurationError, ConnectionError } from '@comm/core'
import { type AmqpConnectionManager, connect } from 'amqp-connection-manager'
import type { Channel, ChannelModel } from 'amqplib'
import { abortedError, closedError, fromAmqp } from './errors.ts'
import { withinLimit } from './limit.ts'
import type { ResolvedOptions, ServerAddress } from './options.ts'
import { tlsOptions } from './tls.ts'

/** One connection from its making to its loss. What belongs to it, channels and delivery tags above all, dies with it. */
export interface Link {
  readonly model: ChannelModel
  /** Of the server's version. */
  readonly major: number
}

export interface ConnectionEvents {
  /** A connection is there, and is `link` once this resolves. @throws when it is of no use */
  onUp(link: Link): Promise<void>
  /** It is `link` now. */
  onReady(): void
  onDown(reason: CommunicationError): void
}

/** A server that is stopped answers no close; the socket is destroyed after so long. */
export const CLOSE_LIMIT_MS = 1000

/**
 * A connection that comes back by itself, to each of the servers in turn, with jitter. amqp-connection-manager supervises it; channels
 * are not its business: its own would acknowledge old delivery tags on new channels.
 */
export class Connection {
  readonly #purpose: string
  readonly #options: ResolvedOptions
  readonly #events: ConnectionEvents
  /** Destroys the socket, also during a handshake. */
  #lifetime = new AbortController()
  #manager: AmqpConnectionManager | undefined
  #link: Link | undefined
  #blocked: string | undefined
  #lastError: CommunicationError | undefined
  #failures = 0
  #first: PromiseWithResolvers<void> | undefined

  /** @param purpose stands in the connection's name */
  constructor(purpose: string, options: ResolvedOptions, events: ConnectionEvents) {
    this.#purpose = purpose
    this.#options = options
    this.#events = events
  }

  /** Undefined while disconnected. */
  get link(): Link | undefined {
    return this.#link
  }

  /** Why RabbitMQ takes no publishes now; undefined when it does. */
  get blocked(): string | undefined {
    return this.#blocked
  }

  /** Why there is no connection. */
  get lastError(): CommunicationError | undefined {
    return this.#lastError
  }

  /** Resolves when usable. Once it was, it comes back by itself until `close`. @throws CommunicationError, and nothing is left behind */
  async connect(signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw abortedError('connecting to', signal)
    const first = Promise.withResolvers<void>()
    this.#first = first
    const abort = (): void => first.reject(abortedError('connecting to', signal))
    signal.addEventListener('abort', abort)
    try {
      this.#supervise()
      await first.promise
    } catch (error) {
      signal.removeEventListener('abort', abort)
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
    this.#manager = undefined
    this.#first?.reject(closedError('the adapter'))
    if (manager === undefined) return
    manager.reconnectTimeInSeconds = NO_WAIT_S
    if (this.#link === undefined) this.#lifetime.abort()
    this.#link = undefined
    await withinLimit(this.#options.clock, CLOSE_LIMIT_MS, manager.close().catch(ignore))
    this.#lifetime.abort()
    manager.removeAllListeners()
  }

  #supervise(): void {
    const { servers, heartbeatMs, clientId, connectionTimeoutMs, ssl } = this.#options
    const lifetime = new AbortController()
    this.#lifetime = lifetime
    this.#failures = 0
    const options = {
      noDelay: true,
      timeout: connectionTimeoutMs,
      // Read when the socket is made. One made with a signal that has aborted connects all the same, and would belong to nobody.
      get signal(): AbortSignal {
        lifetime.signal.throwIfAborted()
        return lifetime.signal
      },
      clientProperties: { connection_name: `${clientId} (${this.#purpose})` },
    }
    let turn = 0
    const manager = connect(null, {
      heartbeatIntervalInSeconds: Math.ceil(heartbeatMs / 1000),
      reconnectTimeInSeconds: NO_WAIT_S,
      // Asked whenever its last answer is used up: with one server at a time, before each try.
      findServers: async () => {
        const tls = ssl === undefined ? undefined : await tlsOptions(ssl)
        const connectionOptions = Object.create(null, {
          ...Object.getOwnPropertyDescriptors(options),
          ...Object.getOwnPropertyDescriptors(tls ?? {}),
        })
        manager.connectionOptions = connectionOptions
        return [this.#url(servers[turn++ % servers.length] as ServerAddress)]
      },
    })
    this.#manager = manager
    manager.on('connect', ({ connection }: { readonly connection: ChannelModel }) => this.#up(manager, connection))
    manager.on('connectFailed', ({ err }: { readonly err: unknown }) => this.#failed(manager, err))
    manager.on('disconnect', ({ err }: { readonly err?: unknown }) => this.#down(manager, err))
    manager.on('blocked', ({ reason }) => this.#block(reason))
    manager.on('unblocked', () => this.#block(undefined))
  }

  #url({ host, port }: ServerAddress): {
    readonly [Name in 'protocol' | 'hostname' | 'username' | 'password' | 'vhost']: string
  } & {
    readonly port: number
  } {
    const { ssl, username, password, virtualHost } = this.#options
    const protocol = ssl === undefined ? 'amqp' : 'amqps'
    // amqplib decodes the virtual host, as if it came out of a URL.
    return { protocol, hostname: host, port, username, password, vhost: encodeURIComponent(virtualHost) }
  }

  #up(manager: AmqpConnectionManager, model: ChannelModel): void {
    if (manager !== this.#manager) return
    const link = { model, major: Number.parseInt(String(model.connection.serverProperties.version), 10) }
    this.#events.onUp(link).then(
      () => {
        // It may have been lost meanwhile.
        if (manager !== this.#manager || manager.connection !== model) return
        this.#link = link
        this.#lastError = undefined
        this.#failures = 0
        this.#first?.resolve()
        this.#events.onReady()
      },
      (thrown: unknown) => {
        if (manager !== this.#manager || manager.connection !== model) return
        const error = fromAmqp('prepare a connection to RabbitMQ', thrown)
        this.#lastError = error
        this.#options.logger.error(`the ${this.#purpose} connection to RabbitMQ is of no use`, { error })
        if (this.#first === undefined) void model.close().catch(ignore)
        else this.#first.reject(error)
      },
    )
  }

  #failed(manager: AmqpConnectionManager, thrown: unknown): void {
    if (manager !== this.#manager) return
    this.#lastError = this.#explain('connect to', thrown)
    this.#failures++
    if (this.#first !== undefined && this.#failures >= this.#options.servers.length) return this.#first.reject(this.#lastError)
    this.#options.logger.debug(`no ${this.#purpose} connection to RabbitMQ`, { error: this.#lastError })
    this.#backOff(manager)
  }

  #down(manager: AmqpConnectionManager, thrown: unknown): void {
    if (manager !== this.#manager) return
    const wasUp = this.#link !== undefined
    this.#link = undefined
    this.#blocked = undefined
    this.#failures++
    if (wasUp || this.#lastError === undefined)
      this.#lastError = this.#explain('keep the connection to', thrown ?? new Error('it was closed'))
    this.#backOff(manager)
    if (!wasUp) return
    this.#options.logger.warn(`the ${this.#purpose} connection to RabbitMQ was lost`, { error: this.#lastError })
    this.#events.onDown(this.#lastError)
  }

  /** The manager reads it after these events. */
  #backOff(manager: AmqpConnectionManager): void {
    const { reconnect, random } = this.#options
    const isFirstRound = this.#first !== undefined
    const waitMs = isFirstRound ? 0 : reconnect.delayMs({ retry: this.#failures, previousMs: undefined, random })
    manager.reconnectTimeInSeconds = Math.max(NO_WAIT_S, waitMs / 1000)
  }

  #block(reason: string | undefined): void {
    this.#blocked = reason
    if (reason === undefined) this.#options.logger.info('RabbitMQ takes publishes again')
    else this.#options.logger.warn(`RabbitMQ takes no publishes now: ${reason}`)
  }

  #explain(attempt: string, thrown: unknown): CommunicationError {
    const { servers, virtualHost, username, ssl } = this.#options
    const where = servers.map(({ host, port }) => `${host}:${port}`).join(', ')
    const what = `${attempt} RabbitMQ at ${where}`
    const text = String((thrown as { readonly message?: unknown } | undefined)?.message)
    // All that amqplib says when the server closes the connection instead of opening the virtual host.
    if (text.includes('Expected ConnectionOpenOk')) {
      return new ConfigurationError(
        `cannot ${what}: it has no virtual host '${virtualHost}', or user '${username}' may not use it. Create it, or grant the permission`,
        { cause: thrown },
      )
    }
    if (ssl === undefined && /Socket closed abruptly during opening handshake/.test(text)) {
      return new ConnectionError(
        `cannot ${what}: the server closed the connection during the handshake. If its port is for TLS, set ssl`,
        {
          cause: thrown,
        },
      )
    }
    return fromAmqp(what, thrown)
  }
}

/** The manager takes 0 for "not given". */
const NO_WAIT_S = 0.001

export function ignore(): void {}

/** Runs on a channel of its own, because a refusal closes the channel. @throws what amqplib throws */
export async function onChannel<Result>({ model }: Link, use: (channel: Channel) => Promise<Result>): Promise<Result> {
  const channel = await model.createChannel()
  channel.on('error', ignore)
  try {
    return await use(channel)
  } finally {
    await closeChannel(channel)
  }
}

/** Never throws; also resolves when the connection is lost, which amqplib's own close does not. */
export function closeChannel(channel: Channel): Promise<void> {
  return new Promise((resolve) => {
    channel.once('close', () => resolve())
    channel.close().then(resolve, () => resolve())
  })
}
