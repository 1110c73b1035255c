import type { Clock, Timer } from '@comm/core'

/** A stall is noticed so much too late, at most. */
const BETWEEN_LOOKS_MS = 1000

/** Notices when the first of what waits in a row has been the first for too long. It looks now and then: none of them pays for it. */
export class StallWatch {
  readonly #clock: Clock
  readonly #limitMs: number
  readonly #firstNow: () => unknown
  readonly #stalled: () => void
  #timer: Timer | undefined
  #first: unknown
  #since = 0

  /**
   * @param firstNow which is the first; undefined while nothing waits, or what waits is not to blame
   * @param stalled told each time that it has been the first for another `limitMs`
   */
  constructor(clock: Clock, limitMs: number, firstNow: () => unknown, stalled: () => void) {
    this.#clock = clock
    this.#limitMs = limitMs
    this.#firstNow = firstNow
    this.#stalled = stalled
    this.#look()
  }

  /** For good. */
  end(): void {
    this.#timer?.cancel()
  }

  #look(): void {
    this.#timer = this.#clock.setTimer(BETWEEN_LOOKS_MS, () => this.#look())
    this.#timer.unref?.()
    const first = this.#firstNow()
    const now = this.#clock.now()
    const isStalled = first !== undefined && first === this.#first && now - this.#since >= this.#limitMs
    if (isStalled || first !== this.#first) this.#since = now
    this.#first = first
    if (isStalled) this.#stalled()
  }
}
