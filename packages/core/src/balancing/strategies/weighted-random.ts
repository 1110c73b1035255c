import type { Candidate } from '../candidate.ts'
import type { BalancingStrategy, StrategyFactory } from '../strategy.ts'
import { lastWarmAt, passOverWarming } from '../warming.ts'

/** Any, each as likely as its weight says. O(1) by an alias table (M. D. Vose, 1991). */
export function weightedRandom(): StrategyFactory {
  return { name: 'weightedRandom', create: (random) => new WeightedRandom(random) }
}

class WeightedRandom implements BalancingStrategy {
  readonly #random: () => number
  #candidates: readonly Candidate[] = []
  /** In each column its own candidate up to this height, above it the alias. */
  #height = new Float64Array(0)
  #alias = new Uint32Array(0)
  #warmAt = 0

  constructor(random: () => number) {
    this.#random = random
  }

  reset(candidates: readonly Candidate[]): void {
    const { length } = candidates
    const weights = candidates.map(({ instance: { weight = 1 } }) => weight)
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    const height = Float64Array.from(weights, (weight) => (weight * length) / total)
    const alias = new Uint32Array(length)
    const small: number[] = []
    const large: number[] = []
    for (const [column, each] of height.entries()) (each < 1 ? small : large).push(column)
    for (
      let low = small.pop(), high = large.at(-1);
      low !== undefined && high !== undefined;
      low = small.pop(), high = large.at(-1)
    ) {
      alias[low] = high
      const left = (height[high] as number) + (height[low] as number) - 1
      height[high] = left
      if (left < 1) small.push(large.pop() as number)
    }
    // What is left is full, but for rounding.
    for (const column of [...small, ...large]) height[column] = 1
    this.#candidates = candidates
    this.#height = height
    this.#alias = alias
    this.#warmAt = lastWarmAt(candidates)
  }

  pick(_: string | undefined, now: number): Candidate {
    if (now >= this.#warmAt) return this.#draw()
    return passOverWarming(() => this.#draw(), now, this.#random)
  }

  #draw(): Candidate {
    const at = this.#random() * this.#candidates.length
    const column = Math.floor(at)
    const isOwn = at - column < (this.#height[column] as number)
    return this.#candidates[isOwn ? column : (this.#alias[column] as number)] as Candidate
  }
}
