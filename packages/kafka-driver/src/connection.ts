import { type CommunicationError, ConnectionError, type Health, pause, UP, withinLimit } from '@comm/core'
import type { KafkaDriver, KafkaLink } from './driver.ts'
import { kafkaErrors } from './errors.ts'
import type { ResolvedConnection } from './options.ts'

const PROBE_LIMIT_MS = 2000

export interface ConnectionOwner {
  onUp(link: KafkaLink): void
  onDown(reason: CommunicationError): void
}

/** Keeps a link to Kafka: once connected, a broken one is replaced for as long as it is not closed. */
export class Connection {
  readonly driver: KafkaDriver
  readonly #options: ResolvedConnection
  readonly #owner: ConnectionOwner
  readonly #closing = new AbortController()
  #link: KafkaLink | undefined
  #lastError: CommunicationError | undefined
  #reconnecting: Promise<void> | undefined

  constructor(driver: KafkaDriver, options: ResolvedConnection, owner: ConnectionOwner) {
    this.driver = driver
    this.#options = options
    this.#owner = owner
  }

  /** Undefined while there is none. */
  get link(): KafkaLink | undefined {
    return this.#link
  }

  /** @throws COMM_CLOSED */
  #checkOpen(): void {
    this.#closing.signal.throwIfAborted()
  }

  /** Why something is refused that needs a link. */
  notConnected(what: string): ConnectionError {
    return kafkaErrors.notConnected(what, this.#lastError)
  }

  /** @throws COMM_CLOSED; ConnectionError without a link */
  require(what: string): KafkaLink {
    this.#checkOpen()
    if (this.#link === undefined) throw this.notConnected(what)
    return this.#link
  }

  /** Tries once, and then no more than is needed. @throws CommunicationError */
  async connect(signal: AbortSignal): Promise<void> {
    this.#checkOpen()
    if (signal.aborted) throw kafkaErrors.aborted('connecting to', signal)
    await this.#connect(signal)
    this.#checkOpen()
  }

  /** Asks Kafka, with a limit of its own. */
  async health(): Promise<Health> {
    if (this.#closing.signal.aborted) return { status: 'down', reason: kafkaErrors.closed().message }
    if (this.#link === undefined) return { status: 'down', reason: this.notConnected('use it').message }
    const answered = this.#link.probe().then(
      () => UP,
      (error: CommunicationError): Health => ({ status: 'down', reason: error.message }),
    )
    const answer = await withinLimit(this.#options.clock, PROBE_LIMIT_MS, answered)
    return answer ?? { status: 'down', reason: `Kafka did not answer within ${PROBE_LIMIT_MS} ms` }
  }

  /** Lets nobody begin anything more; what is under way may end. */
  seal(): void {
    this.#closing.abort(kafkaErrors.closed())
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.seal()
    const link = this.#link
    this.#link = undefined
    await Promise.all([link?.close(), this.#reconnecting])
  }

  async #connect(signal: AbortSignal): Promise<void> {
    let opened: KafkaLink | undefined
    let brokenBefore: CommunicationError | undefined
    const link = await this.driver.open((reason) => {
      if (opened === undefined) brokenBefore = reason
      else this.#broken(opened, reason)
    }, signal)
    opened = link
    if (brokenBefore !== undefined) {
      await link.close()
      throw brokenBefore
    }
    if (this.#closing.signal.aborted) return link.close()
    this.#link = link
    this.#lastError = undefined
    this.#owner.onUp(link)
  }

  #broken(link: KafkaLink, reason: CommunicationError): void {
    if (link !== this.#link) return
    this.#link = undefined
    this.#lastError = reason
    this.#owner.onDown(new ConnectionError(`the connection to Kafka was lost: ${reason.message}`, { cause: reason }))
    this.#reconnecting = this.#reconnect()
  }

  async #reconnect(): Promise<void> {
    const { clock, logger, random, reconnect } = this.#options
    const { signal } = this.#closing
    for (let retry = 1, previousMs: number | undefined; ; retry++) {
      previousMs = reconnect.delayMs({ retry, previousMs, random })
      logger.warn(`the connection to Kafka was lost; connecting again in ${Math.round(previousMs)} ms`, {
        error: this.#lastError,
      })
      if (!(await pause(clock, previousMs, signal))) return
      try {
        return await this.#connect(signal)
      } catch (thrown) {
        if (signal.aborted) return
        this.#lastError = thrown as CommunicationError
      }
    }
  }
}
