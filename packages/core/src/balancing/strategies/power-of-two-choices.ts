import type { Candidate } from '../candidate.ts'
import type { BalancingStrategy, StrategyFactory } from '../strategy.ts'

/**
 * Two at random, of them the one with fewer calls in flight for its weight: nearly as even as the least of all, and many clients do not
 * all choose the same (M. Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing").
 */
export function powerOfTwoChoices(): StrategyFactory {
  return { name: 'powerOfTwoChoices', create: (random) => new PowerOfTwoChoices(random) }
}

class PowerOfTwoChoices implements BalancingStrategy {
  readonly #random: () => number
  #candidates: readonly Candidate[] = []

  constructor(random: () => number) {
    this.#random = random
  }

  reset(candidates: readonly Candidate[]): void {
    this.#candidates = candidates
  }

  pick(_: string | undefined, now: number): Candidate {
    return lessBusyOfTwo(this.#candidates, this.#random, now)
  }
}

/** @param candidates at least one */
export function lessBusyOfTwo(candidates: readonly Candidate[], random: () => number, now: number): Candidate {
  const { length } = candidates
  const at = Math.floor(random() * length)
  const one = candidates[at] as Candidate
  if (length === 1) return one
  const other = candidates[(at + 1 + Math.floor(random() * (length - 1))) % length] as Candidate
  return (one.inFlight + 1) * other.weightAt(now) <= (other.inFlight + 1) * one.weightAt(now) ? one : other
}
