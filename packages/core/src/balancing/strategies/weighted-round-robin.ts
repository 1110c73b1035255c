import type { Candidate } from '../candidate.ts'
import { scheduleByWeight } from '../schedule.ts'
import type { BalancingStrategy, StrategyFactory } from '../strategy.ts'
import { lastWarmAt, passOverWarming } from '../warming.ts'

/** In turn, those of twice the weight twice as often, and as evenly spread as can be. The order is made when the list changes: a pick is O(1). */
export function weightedRoundRobin(): StrategyFactory {
  return { name: 'weightedRoundRobin', create: (random) => new WeightedRoundRobin(random) }
}

class WeightedRoundRobin implements BalancingStrategy {
  readonly #random: () => number
  #order: readonly Candidate[] = []
  #next = 0
  #warmAt = 0

  constructor(random: () => number) {
    this.#random = random
  }

  /** Begins anywhere: many clients that start together must not all begin with the same one. */
  reset(candidates: readonly Candidate[]): void {
    this.#order = scheduleByWeight(candidates)
    this.#next = Math.floor(this.#random() * this.#order.length)
    this.#warmAt = lastWarmAt(candidates)
  }

  pick(_: string | undefined, now: number): Candidate {
    if (now >= this.#warmAt) return this.#takeTurn()
    return passOverWarming(() => this.#takeTurn(), now, this.#random)
  }

  #takeTurn(): Candidate {
    const picked = this.#order[this.#next] as Candidate
    this.#next = this.#next + 1 === this.#order.length ? 0 : this.#next + 1
    return picked
  }
}
