import { type Clock, CommunicationError, type Logger, type Timer, unlessAborted, withTimeLimit } from '@comm/core'

/** A subscription, as its watchdog sees it. */
export interface Watched {
  /** For messages to people. */
  readonly name: string
  /** Deliveries since it began. */
  readonly received: number
  /** Messages being handled. */
  readonly inFlight: number
  /** Subscribed at the broker: false after beginning anew has failed. */
  readonly isOpen: boolean
  /** Messages that its group has not settled and that it may get. @throws CommunicationError when the broker cannot be asked */
  lag(): Promise<number>
  /** Ends it at the broker and begins anew. @throws CommunicationError when the broker refuses */
  reopen(): Promise<void>
}

export interface WatchdogParts {
  readonly silentMs: number
  readonly clock: Clock
  readonly logger: Logger
  /** Called each time, before it begins anew. */
  readonly onSilent: () => void
}

/** How often it looks in `silentMs`. */
const LOOKS = 3
/** A subscription that stays silent is given this much more time at most: what waits may be meant for another member, or for later. */
const MOST_PATIENCE = 16

/**
 * Brings back a consumer that has fallen silent: its group lags, nobody of the group makes progress, nothing was delivered here and
 * nothing is being handled, all that for `silentMs`. It is then subscribed anew; each time that this does not help, after twice the time.
 */
export class Watchdog {
  readonly #watched: Watched
  readonly #parts: WatchdogParts
  #timer: Timer | undefined
  #isStopped = false
  #received = 0
  #lag = 0
  #silentSince: number | undefined
  #patience = 1

  constructor(watched: Watched, parts: WatchdogParts) {
    this.#watched = watched
    this.#parts = parts
  }

  start(): void {
    if (this.#isStopped) return
    const { clock, silentMs } = this.#parts
    this.#timer = clock.setTimer(silentMs / LOOKS, () => {
      void this.#look().then(() => this.start())
    })
    this.#timer.unref?.()
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  async #look(): Promise<void> {
    const { clock, silentMs } = this.#parts
    if (this.#watched.isOpen && !(await this.#isSilent())) return
    this.#silentSince ??= clock.now()
    if (this.#isStopped || (this.#watched.isOpen && clock.now() - this.#silentSince < silentMs * this.#patience)) return
    this.#silentSince = undefined
    this.#patience = Math.min(this.#patience * 2, MOST_PATIENCE)
    await this.#bringBack()
  }

  async #isSilent(): Promise<boolean> {
    const { received, inFlight } = this.#watched
    if (received !== this.#received) this.#patience = 1
    const wasBusy = inFlight > 0 || received !== this.#received
    this.#received = received
    const lag = wasBusy ? 0 : await this.#askLag()
    const isSilent = lag > 0 && lag >= this.#lag && this.#watched.received === received
    this.#lag = lag
    if (!isSilent) this.#silentSince = undefined
    return isSilent
  }

  /** 0 when the broker cannot be asked: then it is away, and the adapter comes back by itself. */
  async #askLag(): Promise<number> {
    const { clock, silentMs } = this.#parts
    try {
      return await withTimeLimit(clock, silentMs, undefined, (limit) => unlessAborted(this.#watched.lag(), limit))
    } catch {
      return 0
    }
  }

  async #bringBack(): Promise<void> {
    const { logger, onSilent } = this.#parts
    const { name, isOpen } = this.#watched
    if (isOpen) {
      logger.warn(`${name} has fallen silent though ${this.#lag} messages wait; it is subscribed anew`)
      onSilent()
    }
    try {
      await this.#watched.reopen()
    } catch (thrown) {
      logger.error(`${name} could not be subscribed anew; the next try follows`, { error: CommunicationError.from(thrown) })
    }
  }
}
