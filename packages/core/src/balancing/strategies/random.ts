import type { Candidate } from '../candidate.ts'
import type { BalancingStrategy, StrategyFactory } from '../strategy.ts'

/** Any, each as likely as the others. */
export function randomChoice(): StrategyFactory {
  return { name: 'random', create: (random) => new RandomChoice(random) }
}

class RandomChoice implements BalancingStrategy {
  readonly #random: () => number
  #candidates: readonly Candidate[] = []

  constructor(random: () => number) {
    this.#random = random
  }

  reset(candidates: readonly Candidate[]): void {
    this.#candidates = candidates
  }

  pick(): Candidate {
    return this.#candidates[Math.floor(this.#random() * this.#candidates.length)] as Candidate
  }
}
