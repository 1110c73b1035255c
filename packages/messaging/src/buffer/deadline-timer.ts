import type { Clock, Timer } from '@comm/core'

/**
 * One timer for the earliest of many deadlines. It stays set when nobody waits any more, without keeping the process alive: to set one and
 * cancel it for each publish would cost as much as a small publish.
 */
export class DeadlineTimer {
  readonly #clock: Clock
  readonly #expire: () => void
  #timer: Timer | undefined
  #at = Number.POSITIVE_INFINITY
  #isResting = false

  constructor(clock: Clock, expire: () => void) {
    this.#clock = clock
    this.#expire = expire
  }

  /** Somebody waits, no longer than until then. */
  until(at: number): void {
    if (at < this.#at) this.#set(at)
    else if (this.#isResting) this.#timer?.ref?.()
    this.#isResting = false
  }

  /** Nobody waits now. */
  rest(): void {
    const timer = this.#timer
    if (timer?.ref !== undefined && timer.unref !== undefined) {
      this.#isResting = true
      timer.unref()
    } else {
      timer?.cancel()
      this.#at = Number.POSITIVE_INFINITY
    }
  }

  /** For good. */
  cancel(): void {
    this.#timer?.cancel()
  }

  #set(at: number): void {
    this.#timer?.cancel()
    this.#at = at
    this.#timer = this.#clock.setTimer(at - this.#clock.now(), () => {
      this.#at = Number.POSITIVE_INFINITY
      this.#expire()
    })
  }
}
