import { checkOptions, number, withDefaults } from '../../options.ts'
import type { Candidate } from '../candidate.ts'
import { IndexedHeap } from '../indexed-heap.ts'
import type { BalancingStrategy, StrategyFactory } from '../strategy.ts'
import { Warming } from '../warming.ts'

export interface LeastResponseTimeOptions {
  /** How long a measurement counts: after so many milliseconds it weighs 1/e. @default 10000 */
  readonly decayMs?: number
}

export const LEAST_RESPONSE_TIME_DEFAULTS: Readonly<Required<LeastResponseTimeOptions>> = Object.freeze({ decayMs: 10_000 })

/** Nobody is faster; keeps logarithms finite. */
const SHORTEST_MS = 0.01
/** What is expected of an instance whose first call is still under way: until it has answered it gets no other while there is a choice. */
const UNKNOWN_MS = 1000

/**
 * The one that is expected to answer first: its average response time, times the calls that it has. The average jumps to a slower
 * response at once and forgets slowly ("peak EWMA", Finagle), so that an instance in trouble is left alone and tried again later. A pick
 * is O(1), a call's begin and end O(log n).
 */
export function leastResponseTime(options: LeastResponseTimeOptions = {}): StrategyFactory {
  checkOptions<LeastResponseTimeOptions>('leastResponseTime', options, { decayMs: number({ above: 0 }) })
  const { decayMs } = withDefaults(LEAST_RESPONSE_TIME_DEFAULTS, options)
  return { name: 'leastResponseTime', create: () => new LeastResponseTime(decayMs) }
}

class LeastResponseTime implements BalancingStrategy {
  readonly #decayMs: number
  readonly #heap = new IndexedHeap()
  readonly #warming = new Warming()

  constructor(decayMs: number) {
    this.#decayMs = decayMs
  }

  reset(candidates: readonly Candidate[], now: number): void {
    this.#heap.fill(candidates, (candidate) => this.#cost(candidate, now))
    this.#warming.reset(candidates, now)
  }

  pick(_: string | undefined, now: number): Candidate {
    for (const candidate of this.#warming.at(now)) this.#heap.move(candidate, this.#cost(candidate, now))
    return this.#heap.first as Candidate
  }

  started(candidate: Candidate, now: number): void {
    this.#heap.move(candidate, this.#cost(candidate, now))
  }

  ended(candidate: Candidate, now: number): void {
    this.#heap.move(candidate, this.#cost(candidate, now))
  }

  /** Its place follows at the end of the call. */
  observed(candidate: Candidate, durationMs: number, now: number): void {
    const kept = Math.exp((candidate.ewmaAt - now) / this.#decayMs)
    const faded = candidate.ewmaMs * kept
    candidate.ewmaMs = durationMs > faded ? durationMs : faded + durationMs * (1 - kept)
    candidate.ewmaAt = now
  }

  /**
   * Averages fade while nothing is measured, all at the same pace. The logarithm of a faded average is a line of one slope, so comparing
   * where the lines cut time 0 compares the averages at any time, and no key has to be reckoned anew as time passes.
   */
  #cost(candidate: Candidate, now: number): number {
    const { ewmaMs, ewmaAt, inFlight } = candidate
    const expectedMs = ewmaMs === 0 && inFlight > 0 ? UNKNOWN_MS : Math.max(ewmaMs, SHORTEST_MS)
    return Math.log((expectedMs * (inFlight + 1)) / candidate.weightAt(now)) + ewmaAt / this.#decayMs
  }
}
