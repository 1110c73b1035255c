import type { Instance } from './instance.ts'

/** How much of its weight a new instance has at first, when it starts slowly. */
const FIRST_SHARE = 0.1

/** An instance as a balancer sees it: what is known of it beside what it says of itself. */
export class Candidate {
  instance: Instance
  /** Calls that run there, as far as this balancer knows. */
  inFlight = 0
  /** Milliseconds by the balancer's clock. */
  readonly joinedAt: number
  /** Its weight grows until then. */
  readonly warmAt: number
  /** Active checks say that it can be called. */
  isHealthy = true
  /** Put aside until then, because its calls failed. */
  ejectedUntil = 0
  /** How often it was, without a long good time in between. */
  ejections = 0
  returnedAt = 0
  failuresInARow = 0
  /** Calls and failures since the interval of outlier detection began. */
  calls = 0
  failures = 0
  /** Peak-sensitive moving average of how long calls take there, in milliseconds; 0 before the first. */
  ewmaMs = 0
  ewmaAt: number
  /** Its place in the heap of a strategy, and what orders it there. */
  heapIndex = -1
  heapKey = 0
  heapTurn = 0

  constructor(instance: Instance, now: number, slowStartMs: number) {
    this.instance = instance
    this.joinedAt = now
    this.warmAt = now + slowStartMs
    this.ewmaAt = now
  }

  get isEjected(): boolean {
    return this.ejectedUntil > 0
  }

  /** Share of the calls beside others': its weight, less while it is new. More than 0. */
  weightAt(now: number): number {
    const { weight = 1 } = this.instance
    if (now >= this.warmAt) return weight
    const share = (now - this.joinedAt) / (this.warmAt - this.joinedAt)
    return weight * (FIRST_SHARE + (1 - FIRST_SHARE) * Math.max(0, share))
  }
}
