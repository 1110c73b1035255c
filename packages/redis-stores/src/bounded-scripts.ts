import { type CommunicationError, ConnectionError } from '@comm/core'
import { type RedisConnection, type RedisLink, redisError } from './connection/index.ts'

/** How a store does without a server that is away. */
export interface BoundedOptions {
  /** How long a step may take, connecting included. */
  readonly timeoutMs: number
  /** How long no step is tried after one was in vain; then one is, and the others wait for what becomes of it. */
  readonly pauseMs: number
}

/**
 * Sends the commands of a store that its users can do without: each answers or rejects within `timeoutMs`, and where the server is
 * away all but one in `pauseMs` reject at once.
 */
export class BoundedScripts {
  readonly #connection: RedisConnection
  readonly #isOurs: boolean
  readonly #options: BoundedOptions
  #trouble: CommunicationError | undefined
  #pausedUntil = 0
  #isTrying = false

  constructor(connection: RedisConnection, isOurs: boolean, options: BoundedOptions) {
    this.#connection = connection
    this.#isOurs = isOurs
    this.#options = options
  }

  /** Why the last step was in vain; undefined when it was not. */
  get trouble(): CommunicationError | undefined {
    return this.#trouble
  }

  /** @param what completes `cannot …` @throws CommunicationError */
  async run<Reply>(what: string, step: (link: RedisLink) => Promise<Reply>): Promise<Reply> {
    const trouble = this.#trouble
    if (trouble !== undefined) {
      if (this.#isTrying || this.#connection.options.clock.now() < this.#pausedUntil) throw trouble
      this.#isTrying = true
    }
    try {
      const reply = await this.#within(what, this.#send(what, step))
      this.#trouble = undefined
      return reply
    } catch (thrown) {
      const error = redisError(thrown, what)
      // A reply that refuses this step says nothing about the next.
      if (error instanceof ConnectionError) this.#pause(error)
      else this.#trouble = undefined
      throw error
    } finally {
      if (trouble !== undefined) this.#isTrying = false
    }
  }

  async #send<Reply>(what: string, step: (link: RedisLink) => Promise<Reply>): Promise<Reply> {
    if (this.#isOurs && this.#connection.link === undefined) await this.#connection.connect(NEVER)
    return step(this.#connection.require(what))
  }

  async #within<Reply>(what: string, sent: Promise<Reply>): Promise<Reply> {
    const { timeoutMs } = this.#options
    const late = Promise.withResolvers<never>()
    const timer = this.#connection.options.clock.setTimer(timeoutMs, () => {
      late.reject(new ConnectionError(`cannot ${what}: no answer within ${timeoutMs} ms (timeoutMs)`))
    })
    sent.catch(() => undefined)
    try {
      return await Promise.race([sent, late.promise])
    } finally {
      timer.cancel()
    }
  }

  #pause(error: CommunicationError): void {
    this.#trouble = error
    this.#pausedUntil = this.#connection.options.clock.now() + this.#options.pauseMs
  }
}

const NEVER = new AbortController().signal
