import { AsyncResource } from 'node:async_hooks'
import { type Clock, systemClock, type Timer } from '../clock.ts'

/**
 * One waiting timer of a list. It fires in the async context that it was made in: the list's real timer belongs to whichever
 * call armed it, and a rerun after a timeout must not inherit that call's correlation id.
 */
class SharedTimer extends AsyncResource implements Timer {
  previous: SharedTimer | undefined
  next: SharedTimer | undefined
  list: TimerList | undefined
  readonly dueAt: number
  readonly fire: () => void

  constructor(list: TimerList, dueAt: number, fire: () => void) {
    super('comm.timer', { requireManualDestroy: true })
    this.list = list
    this.dueAt = dueAt
    this.fire = fire
  }

  cancel(): void {
    this.list?.remove(this)
  }
}

/** Timers of one length: they come due in the order they were set, so a list with one real timer at its head is enough. */
export class TimerList {
  readonly #clock: Clock
  readonly #ms: number
  #head: SharedTimer | undefined
  #tail: SharedTimer | undefined
  #real: Timer | undefined
  #sweeping = false

  constructor(clock: Clock, ms: number) {
    this.#clock = clock
    this.#ms = ms
  }

  /** Sets a timer that is due `ms` after `now`, which must not be earlier than that of the timer set before. */
  add(now: number, fire: () => void): Timer {
    const timer = new SharedTimer(this, now + this.#ms, fire)
    timer.previous = this.#tail
    if (this.#tail === undefined) this.#head = timer
    else this.#tail.next = timer
    this.#tail = timer
    this.#real ??= this.#clock.setTimer(this.#ms, this.#expire)
    return timer
  }

  remove(timer: SharedTimer): void {
    if (timer.previous === undefined) this.#head = timer.next
    else timer.previous.next = timer.next
    if (timer.next === undefined) this.#tail = timer.previous
    else timer.next.previous = timer.previous
    timer.list = timer.previous = timer.next = undefined
    if (this.#head === undefined && !this.#sweeping) {
      this.#sweeping = true
      setImmediate(this.#sweep)
    }
  }

  /** An idle list keeps no real timer, so that it does not keep the process alive; deferred, since the next call is often close. */
  readonly #sweep = (): void => {
    this.#sweeping = false
    if (this.#head !== undefined) return
    this.#real?.cancel()
    this.#real = undefined
  }

  readonly #expire = (): void => {
    this.#real = undefined
    const now = this.#clock.now()
    for (let head = this.#head; head !== undefined && head.dueAt <= now; head = this.#head) {
      this.remove(head)
      head.runInAsyncScope(head.fire)
    }
    if (this.#head !== undefined) this.#real ??= this.#clock.setTimer(Math.max(0, this.#head.dueAt - now), this.#expire)
  }
}

const lists = new WeakMap<Clock, Map<number, TimerList>>()

/** The list for timers of this length, the same for everybody who uses this clock. */
export function timerList(ms: number, clock: Clock = systemClock): TimerList {
  const ofClock = lists.get(clock) ?? new Map<number, TimerList>()
  lists.set(clock, ofClock)
  const list = ofClock.get(ms) ?? new TimerList(clock, ms)
  ofClock.set(ms, list)
  return list
}
