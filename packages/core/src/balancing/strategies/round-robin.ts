import type { Candidate } from '../candidate.ts'
import type { BalancingStrategy, StrategyFactory } from '../strategy.ts'

/** One after the other, whatever their weights. */
export function roundRobin(): StrategyFactory {
  return { name: 'roundRobin', create: (random) => new RoundRobin(random) }
}

class RoundRobin implements BalancingStrategy {
  readonly #random: () => number
  #candidates: readonly Candidate[] = []
  #next = 0

  constructor(random: () => number) {
    this.#random = random
  }

  /** Begins anywhere: many clients that start together must not all begin with the same one. */
  reset(candidates: readonly Candidate[]): void {
    this.#candidates = candidates
    this.#next = Math.floor(this.#random() * candidates.length)
  }

  pick(): Candidate {
    const picked = this.#candidates[this.#next] as Candidate
    this.#next = this.#next + 1 === this.#candidates.length ? 0 : this.#next + 1
    return picked
  }

  pickOther(avoid: ReadonlySet<string>): Candidate | undefined {
    for (let tries = this.#candidates.length; tries > 0; tries--) {
      const picked = this.pick()
      if (!avoid.has(picked.instance.id)) return picked
    }
    return undefined
  }
}
