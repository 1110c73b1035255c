import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock, Timer } from '@comm/core'

export interface TestClockOptions {
  /** What `wall()` says at the beginning, in epoch milliseconds. @default 2026-01-01T00:00:00Z */
  readonly startWallMs?: number
}

export const TEST_CLOCK_DEFAULTS: Readonly<Required<TestClockOptions>> = Object.freeze({ startWallMs: Date.UTC(2026, 0, 1) })

/** Turns of the event loop that are waited for when one immediate keeps scheduling the next. */
const MOST_TURNS = 1000
/** Timers that fire without time passing before it is taken for a timer that sets itself again with 0 ms. */
const MOST_FIRES_AT_ONE_TIME = 10_000

interface Entry {
  readonly at: number
  readonly fire: () => void
  keepsAlive: boolean
}

/** A clock that stands still until `advance` moves it. Timers fire in the order of their time, equal ones as they were set. */
export class TestClock implements Clock {
  /** Ordered by time, the next to fire last. */
  readonly #entries: Entry[] = []
  readonly #startWallMs: number
  #now = 0
  #advancing: Promise<void> = Promise.resolve()

  constructor(options: TestClockOptions = {}) {
    this.#startWallMs = options.startWallMs ?? TEST_CLOCK_DEFAULTS.startWallMs
  }

  now(): number {
    return this.#now
  }

  wall(): number {
    return this.#startWallMs + this.#now
  }

  setTimer(delayMs: number, fire: () => void): Timer {
    const entry: Entry = { at: this.#now + (delayMs > 0 ? delayMs : 0), fire, keepsAlive: true }
    this.#entries.splice(this.#placeFor(entry.at), 0, entry)
    const keepAlive = (keepsAlive: boolean): void => {
      entry.keepsAlive = keepsAlive
    }
    return { cancel: () => this.#remove(entry), unref: () => keepAlive(false), ref: () => keepAlive(true) }
  }

  /** Timers set, not yet fired, not cancelled, and not unreferenced: 0 when nothing was left behind that keeps a process alive. */
  get pendingTimers(): number {
    return this.#entries.filter(({ keepsAlive }) => keepsAlive).length
  }

  /** Milliseconds until the next timer fires; undefined when there is none. */
  get nextTimerInMs(): number | undefined {
    const next = this.#entries.at(-1)
    return next && next.at - this.#now
  }

  /**
   * Moves time on, timer by timer: before, between and after them promises and immediates run until none is left, so that
   * what waits on a timer proceeds and may set the next one. `advance(0)` only lets things run. Calls queue up.
   *
   * @throws what a timer's function throws; time then stands at that timer
   */
  advance(ms: number): Promise<void> {
    const advanced = this.#advancing.then(() => this.#advance(ms))
    this.#advancing = advanced.catch(() => undefined)
    return advanced
  }

  async #advance(ms: number): Promise<void> {
    if (!(ms >= 0 && ms < Number.POSITIVE_INFINITY))
      throw new RangeError(`TestClock.advance(ms) must be a finite number >= 0, got ${ms}`)
    const until = this.#now + ms
    let firedNow = 0
    await quiet()
    for (let next = this.#entries.at(-1); next !== undefined && next.at <= until; next = this.#entries.at(-1)) {
      firedNow = next.at > this.#now ? 0 : firedNow + 1
      if (firedNow > MOST_FIRES_AT_ONE_TIME)
        throw new RangeError(`${firedNow} timers fired at ${this.#now} ms: one sets itself again with 0 ms`)
      this.#entries.pop()
      this.#now = next.at
      next.fire()
      await quiet()
    }
    this.#now = until
  }

  /** Before every entry of the same time, because the last fires first. */
  #placeFor(at: number): number {
    let low = 0
    let high = this.#entries.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#entries[middle] as Entry).at > at) low = middle + 1
      else high = middle
    }
    return low
  }

  #remove(entry: Entry): void {
    const first = this.#placeFor(entry.at)
    const index = this.#entries.indexOf(entry, first)
    if (index >= 0) this.#entries.splice(index, 1)
  }
}

/** Resolves once no promise and no immediate is waiting to run. Real timers and sockets are not waited for. */
async function quiet(): Promise<void> {
  for (let turn = 0; turn < MOST_TURNS; turn++) {
    await nextTurn()
    if (!process.getActiveResourcesInfo().includes('Immediate')) return
  }
}
