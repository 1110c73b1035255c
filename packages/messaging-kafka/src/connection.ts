import { type CommunicationError, ConnectionError } from '@comm/core'
import { pause, withinLimit } from '@comm/messaging/adapter'
import type { KafkaDriver, KafkaLink } from './driver/driver.ts'
import { ERRORS } from './errors.ts'
import type { ResolvedOptions } from './options.ts'

const PROBE_LIMIT_MS = 2000

export interface ConnectionOwner {
  onUp(link: KafkaLink): void
  onDown(reason: CommunicationError): void
}

/** Keeps a link to Kafka: once connected, a broken one is replaced for as long as it is not closed. */
export class Connection {
  readonly #driver: KafkaDriver
  readonly #options: ResolvedOptions
  readonly #owner: ConnectionOwner
  readonly #closing = new AbortController()
  #link: KafkaLink | undefined
  #lastError: CommunicationError | undefined
  #reconnecting: Promise<void> | undefined

  constructor(driver: KafkaDriver, options: ResolvedOptions, owner: ConnectionOwner) {
    this.#driver = driver
    this.#options = options
    this.#owner = owner
  }

  /** Undefined while there is none. */
  get link(): KafkaLink | undefined {
    return this.#link
  }

  /** Why there is none, when known. */
  get lastError(): CommunicationError | undefined {
    return this.#lastError
  }

  /** One try. @throws CommunicationError */
  async connect(signal: AbortSignal): Promise<void> {
    const link: KafkaLink = await this.#driver.open((reason) => this.#broken(link, reason), signal)
    if (this.#closing.signal.aborted) return link.close()
    this.#link = link
    this.#lastError = undefined
    this.#owner.onUp(link)
  }

  /** @returns why Kafka cannot be used; undefined when it can */
  async probe(): Promise<string | undefined> {
    const link = this.#link
    if (link === undefined) return ERRORS.notConnected('use it', this.#lastError).message
    const answered = link.probe().then(
      () => 'answered',
      (error: CommunicationError) => error.message,
    )
    const answer = await withinLimit(this.#options.clock, PROBE_LIMIT_MS, answered)
    if (answer === undefined) return `Kafka did not answer within ${PROBE_LIMIT_MS} ms`
    return answer === 'answered' ? undefined : answer
  }

  async close(): Promise<void> {
    this.#closing.abort(ERRORS.closed())
    const link = this.#link
    this.#link = undefined
    await Promise.all([link?.close(), this.#reconnecting])
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
        return await this.connect(signal)
      } catch (thrown) {
        if (signal.aborted) return
        this.#lastError = thrown as CommunicationError
      }
    }
  }
}
