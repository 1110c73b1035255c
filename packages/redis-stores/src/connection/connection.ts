import {
  CommunicationError,
  ConnectionError,
  describeEndpoint,
  exponentialBackoff,
  type Health,
  type Timer,
  UP,
  unlessAborted,
  withinLimit,
} from '@comm/core'
import { ClusterLink } from './cluster-link.ts'
import { redisError } from './errors.ts'
import type { RedisLink } from './link.ts'
import { connectAborted } from './open-node.ts'
import { type RedisConnectionOptions, type ResolvedConnection, resolveConnection } from './options.ts'
import { SingleLink } from './single-link.ts'

/** Who hears of the connection. Called synchronously; must not throw. */
export interface ConnectionWatcher {
  onLost(reason: ConnectionError): void
  onRestored(link: RedisLink): void
}

/** A connect under way, for all that wait for it; it ends with the last of them. */
interface Opening {
  readonly done: Promise<void>
  readonly stop: AbortController
  waiting: number
}

const backoff = exponentialBackoff({ baseMs: 50, maxMs: 1000 })
/** A health check answers within this time. */
const HEALTH_LIMIT_MS = 2000

/**
 * A connection to Redis that comes back by itself: standalone, through Sentinels, or to a Cluster. Each time it has a new link;
 * what was sent over a lost one is never sent again here.
 */
export class RedisConnection implements AsyncDisposable {
  readonly options: ResolvedConnection
  /** Where it connects to, for messages. */
  readonly where: string
  readonly #watchers = new Set<ConnectionWatcher>()
  readonly #lifetime = new AbortController()
  #link: RedisLink | undefined
  #opening: Opening | undefined
  #retry: Timer | undefined
  #probe: Timer | undefined
  #retries = 0
  #lastFailure: CommunicationError | undefined

  /** @throws ConfigurationError */
  constructor(options: RedisConnectionOptions = {}) {
    this.options = resolveConnection('RedisConnection', options)
    this.where = `Redis at ${this.options.endpoints.map(describeEndpoint).join(', ')}`
  }

  get isClosed(): boolean {
    return this.#lifetime.signal.aborted
  }

  /** Undefined while there is no connection. */
  get link(): RedisLink | undefined {
    return this.#link
  }

  /** The link, for one who cannot go on without it. @throws ConnectionError at once; CommunicationError COMM_CLOSED */
  require(what: string): RedisLink {
    this.#checkOpen()
    if (this.#link !== undefined) return this.#link
    throw this.notConnected(what)
  }

  notConnected(what: string): ConnectionError {
    const because = this.#lastFailure === undefined ? 'connect first' : `the last failure was: ${this.#lastFailure.message}`
    return new ConnectionError(`cannot ${what}: there is no connection to ${this.where}; ${because}`)
  }

  /** @returns stops watching */
  watch(watcher: ConnectionWatcher): () => void {
    this.#watchers.add(watcher)
    return () => void this.#watchers.delete(watcher)
  }

  /**
   * Resolves when commands can be sent. From then on it reconnects by itself until it is closed. Idempotent.
   * @throws CommunicationError why not, or COMM_ABORTED
   */
  async connect(signal: AbortSignal): Promise<void> {
    this.#checkOpen()
    if (this.#link !== undefined || this.#retry !== undefined) return
    this.#opening ??= this.#startToOpen()
    const opening = this.#opening
    opening.waiting++
    try {
      await unlessAborted(opening.done, signal)
    } catch (thrown) {
      throw signal.aborted ? connectAborted(signal) : thrown
    } finally {
      opening.waiting--
      if (opening.waiting === 0) this.#endOpening(opening, signal.reason)
    }
  }

  /** Asks the server, with a time limit. Never throws. */
  async health(): Promise<Health> {
    if (this.isClosed) return { status: 'down', reason: `the connection to ${this.where} is closed` }
    const link = this.#link
    if (link === undefined) return { status: 'down', reason: this.notConnected('use it').message }
    const problem = await this.#ask(link, HEALTH_LIMIT_MS)
    return problem === undefined ? UP : { status: 'down', reason: problem.message }
  }

  /** Gives the connection up as lost, because something showed that it is of no use any more. */
  giveUp(link: RedisLink, thrown: unknown): void {
    if (link !== this.#link) return
    const failure = redisError(thrown, `go on with ${this.where}`)
    this.#lastFailure = failure
    this.#link = undefined
    this.#probe?.cancel()
    link.destroy()
    if (this.isClosed) return
    this.options.logger.warn(`the connection to ${this.where} is lost`, { error: failure })
    const reason = new ConnectionError(`the connection to ${this.where} was lost: ${failure.message}`, { cause: failure })
    for (const watcher of this.#watchers) watcher.onLost(reason)
    this.#reconnectSoon()
  }

  /** Why a command failed. A link to what is a replica now is given up: another one finds the master. */
  failureOf(link: RedisLink, thrown: unknown, what: string): CommunicationError {
    const failure = redisError(thrown, what)
    if (failure.details['reply'] === 'READONLY') this.giveUp(link, thrown)
    return failure
  }

  /** Idempotent; also ends a connect under way. */
  async close(): Promise<void> {
    if (this.isClosed) return
    this.#lifetime.abort(this.#closedError())
    this.#retry?.cancel()
    this.#probe?.cancel()
    this.#link?.destroy()
    this.#link = undefined
    await this.#opening?.done.catch(() => undefined)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #startToOpen(): Opening {
    const stop = new AbortController()
    return { done: this.#open(stop.signal), stop, waiting: 0 }
  }

  #endOpening(opening: Opening, reason: unknown): void {
    if (this.#opening === opening) this.#opening = undefined
    opening.stop.abort(reason)
  }

  async #open(signal: AbortSignal): Promise<void> {
    const either = AbortSignal.any([signal, this.#lifetime.signal])
    let opened: RedisLink | undefined
    const onDown = (reason: unknown): void => {
      if (opened !== undefined) this.giveUp(opened, reason)
    }
    try {
      opened =
        this.options.topology === 'cluster'
          ? await ClusterLink.open(this.options, either)
          : await SingleLink.open(this.options, either, onDown)
    } catch (thrown) {
      this.#lastFailure = redisError(thrown, `connect to ${this.where}`)
      throw this.#lastFailure
    }
    if (this.isClosed) {
      opened.destroy()
      throw this.#closedError()
    }
    this.#link = opened
    this.#retries = 0
    this.#probeSoon(opened)
  }

  #reconnectSoon(): void {
    const { clock, random } = this.options
    const delayMs = backoff.delayMs({ retry: ++this.#retries, previousMs: undefined, random })
    this.#retry = clock.setTimer(delayMs, () => void this.#reconnect())
  }

  async #reconnect(): Promise<void> {
    const retries = this.#retries
    try {
      await this.#open(this.#lifetime.signal)
    } catch (error) {
      if (this.isClosed) return
      this.options.logger.debug(`${this.where} cannot be reached, try ${retries}`, { error })
      this.#reconnectSoon()
      return
    }
    this.#retry = undefined
    const link = this.#link
    if (link === undefined) return
    this.options.logger.info(`the connection to ${this.where} is back`)
    for (const watcher of this.#watchers) watcher.onRestored(link)
  }

  #probeSoon(link: RedisLink): void {
    const { heartbeatMs, clock } = this.options
    if (heartbeatMs === 0) return
    this.#probe = clock.setTimer(heartbeatMs, () => void this.#probeNow(link, heartbeatMs))
  }

  async #probeNow(link: RedisLink, limitMs: number): Promise<void> {
    const problem = await this.#ask(link, limitMs)
    if (link !== this.#link) return
    if (problem === undefined) this.#probeSoon(link)
    else this.giveUp(link, problem)
  }

  async #ask(link: RedisLink, limitMs: number): Promise<CommunicationError | undefined> {
    const asked = link.ping().then(
      () => 'answered' as const,
      (thrown: unknown) => redisError(thrown, `ask ${this.where}`),
    )
    const answer = await withinLimit(this.options.clock, limitMs, asked)
    if (answer === undefined) return new ConnectionError(`${this.where} did not answer a PING within ${limitMs} ms`)
    return answer === 'answered' ? undefined : answer
  }

  #checkOpen(): void {
    if (this.isClosed) throw this.#closedError()
  }

  #closedError(): CommunicationError {
    return new CommunicationError(`the connection to ${this.where} is closed. Create a new one, or close it later`, {
      code: 'COMM_CLOSED',
    })
  }
}
