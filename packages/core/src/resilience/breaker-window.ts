/** The outcomes that a breaker judges by. Preallocated: recording allocates nothing. */
export interface BreakerWindow {
  /** Outcomes in the window. */
  readonly calls: number
  readonly failures: number
  readonly slow: number
  /** @param now from a clock that does not go back; only a window of time reads it */
  record(failed: boolean, slow: boolean, now: number): void
  reset(): void
}

const FAILED = 1
const SLOW = 2

/** The last `size` outcomes, in a ring; the oldest is subtracted when it is overwritten. */
export class CountWindow implements BreakerWindow {
  readonly #outcomes: Uint8Array
  #next = 0
  calls = 0
  failures = 0
  slow = 0

  constructor(size: number) {
    this.#outcomes = new Uint8Array(size)
  }

  record(failed: boolean, slow: boolean): void {
    const outcomes = this.#outcomes
    if (this.calls === outcomes.length) this.#subtract(outcomes[this.#next] ?? 0)
    else this.calls++
    outcomes[this.#next] = (failed ? FAILED : 0) | (slow ? SLOW : 0)
    if (failed) this.failures++
    if (slow) this.slow++
    this.#next = this.#next + 1 === outcomes.length ? 0 : this.#next + 1
  }

  #subtract(outcome: number): void {
    if ((outcome & FAILED) !== 0) this.failures--
    if ((outcome & SLOW) !== 0) this.slow--
  }

  reset(): void {
    this.#next = this.calls = this.failures = this.slow = 0
  }
}

const BUCKETS = 10

/** The outcomes of the last `ms` milliseconds, in ten buckets: what it forgets is up to a tenth younger than that. */
export class TimeWindow implements BreakerWindow {
  readonly #bucketMs: number
  readonly #calls: Uint32Array = new Uint32Array(BUCKETS)
  readonly #failures: Uint32Array = new Uint32Array(BUCKETS)
  readonly #slow: Uint32Array = new Uint32Array(BUCKETS)
  /** Number of the bucket written last, counted from time zero. */
  #current = Number.NEGATIVE_INFINITY
  calls = 0
  failures = 0
  slow = 0

  constructor(ms: number) {
    this.#bucketMs = ms / BUCKETS
  }

  record(failed: boolean, slow: boolean, now: number): void {
    this.#expire(now)
    const at = this.#current % BUCKETS
    this.#calls[at] = (this.#calls[at] ?? 0) + 1
    this.calls++
    if (failed) {
      this.#failures[at] = (this.#failures[at] ?? 0) + 1
      this.failures++
    }
    if (slow) {
      this.#slow[at] = (this.#slow[at] ?? 0) + 1
      this.slow++
    }
  }

  /** Forgets what is too old. */
  #expire(now: number): void {
    const current = Math.floor(now / this.#bucketMs)
    if (current <= this.#current) return
    if (current - this.#current >= BUCKETS) this.reset()
    else for (let bucket = this.#current + 1; bucket <= current; bucket++) this.#subtract(bucket % BUCKETS)
    this.#current = current
  }

  #subtract(at: number): void {
    this.calls -= this.#calls[at] ?? 0
    this.failures -= this.#failures[at] ?? 0
    this.slow -= this.#slow[at] ?? 0
    this.#calls[at] = this.#failures[at] = this.#slow[at] = 0
  }

  reset(): void {
    this.#calls.fill(0)
    this.#failures.fill(0)
    this.#slow.fill(0)
    this.calls = this.failures = this.slow = 0
  }
}

/** Failures, and slow calls, in a row: one that did not fail ends the one row, one that was not slow the other. */
export class ConsecutiveWindow implements BreakerWindow {
  failures = 0
  slow = 0

  get calls(): number {
    return Math.max(this.failures, this.slow)
  }

  record(failed: boolean, slow: boolean): void {
    this.failures = failed ? this.failures + 1 : 0
    this.slow = slow ? this.slow + 1 : 0
  }

  reset(): void {
    this.failures = this.slow = 0
  }
}
