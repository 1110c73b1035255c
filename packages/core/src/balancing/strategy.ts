import type { Candidate } from './candidate.ts'

/**
 * How an instance is chosen among those that may be called. A balancer makes one for itself from a `StrategyFactory` and calls it
 * synchronously. It keeps what it needs in a form in which `pick` is O(1), or O(log n) where it says so.
 */
export interface BalancingStrategy {
  /** The list has changed, never to an empty one: those that stayed are the same objects. */
  reset(candidates: readonly Candidate[], now: number): void
  /** @param key what a consistent choice is made by; others ignore it */
  pick(key: string | undefined, now: number): Candidate
  /** For a call that has been elsewhere already. @param avoid ids of instances @default the less busy of two random others */
  pickOther?(avoid: ReadonlySet<string>, key: string | undefined, now: number): Candidate | undefined
  /** A call begins there: `inFlight` is one more. */
  started?(candidate: Candidate, now: number): void
  /** It runs there no longer: `inFlight` is one less. */
  ended?(candidate: Candidate, now: number): void
  /** What a call said about the instance. @param durationMs how long it took */
  observed?(candidate: Candidate, durationMs: number, now: number): void
}

/** A way to choose, for any number of balancers. */
export interface StrategyFactory {
  readonly name: string
  /** @param random numbers from 0 up to but excluding 1 */
  create(random: () => number): BalancingStrategy
}
