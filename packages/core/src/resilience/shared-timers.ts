import type { Clock, Timer } from '../clock.ts'

/** One waiting timer of a list. */
class SharedTimer implements Timer {
  previous: SharedTimer | undefined
  next: SharedTimer | undefined
  list: TimerList | undefined
  readonly dueAt: number
  readonly fire: () => void

  constructor(list: TimerList, dueAt: number, fire: () => void) {
    this.previous = this.next = undefined
    this.list = list
    this.dueAt = dueAt
    this.fire = fire
  }

  cancel(): void {
    this.list?.remove(this)
  }
}

/**
 * Timers of one length: they come due in the order they were set, so a list with one real timer at its head is enough. They
 * fire in the async context of whichever call armed the real one: who sets them sees to their own.
 */
class TimerList {
  readonly #clock: Clock
  readonly #ms: number
  readonly #whenIdle: () => void
  #head: SharedTimer | undefined
  #tail: SharedTimer | undefined
  #real: Timer | undefined
  #sweeping = false

  constructor(clock: Clock, ms: number, whenIdle: () => void) {
    this.#clock = clock
    this.#ms = ms
    this.#whenIdle = whenIdle
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
    this.#whenIdle()
  }

  readonly #expire = (): void => {
    this.#real = undefined
    const now = this.#clock.now()
    try {
      for (let head = this.#head; head !== undefined && head.dueAt <= now; head = this.#head) {
        this.remove(head)
        head.fire()
      }
    } finally {
      if (this.#head !== undefined) this.#real ??= this.#clock.setTimer(Math.max(0, this.#head.dueAt - now), this.#expire)
    }
  }
}

const lists = new WeakMap<Clock, Map<number, TimerList>>()

function listsOf(clock: Clock): Map<number, TimerList> {
  const known = lists.get(clock)
  if (known !== undefined) return known
  const made = new Map<number, TimerList>()
  lists.set(clock, made)
  return made
}

/** Sets a timer beside all others of this length on this clock. A length that nobody uses takes no memory. */
export function setSharedTimer(clock: Clock, now: number, ms: number, fire: () => void): Timer {
  const lengths = listsOf(clock)
  let list = lengths.get(ms)
  if (list === undefined) {
    list = new TimerList(clock, ms, () => lengths.delete(ms))
    lengths.set(ms, list)
  }
  return list.add(now, fire)
}
