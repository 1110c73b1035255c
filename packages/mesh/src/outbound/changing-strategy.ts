import type { BalancingStrategy, Candidate, StrategyFactory } from '@comm/core/balancing'

/** A strategy that may be replaced by another while calls go on. */
export class ChangingStrategy implements StrategyFactory {
  readonly name = 'mesh'
  /** The one of the moment. */
  current: StrategyFactory

  constructor(current: StrategyFactory) {
    this.current = current
  }

  create(random: () => number): BalancingStrategy {
    return new Delegate(() => this.current, random) as BalancingStrategy
  }
}

type PickOther = BalancingStrategy['pickOther']

class Delegate {
  readonly #current: () => StrategyFactory
  readonly #random: () => number
  #of: StrategyFactory
  #inner: BalancingStrategy
  #candidates: readonly Candidate[] = []
  #now = 0

  constructor(current: () => StrategyFactory, random: () => number) {
    this.#current = current
    this.#random = random
    this.#of = current()
    this.#inner = this.#of.create(random)
  }

  reset(candidates: readonly Candidate[], now: number): void {
    this.#candidates = candidates
    this.#now = now
    this.#latest().reset(candidates, now)
  }

  pick(key: string | undefined, now: number): Candidate {
    this.#now = now
    return this.#latest().pick(key, now)
  }

  /** Absent where the strategy has none of its own, so that the balancer takes its own way. */
  get pickOther(): PickOther {
    const inner = this.#latest()
    return inner.pickOther?.bind(inner)
  }

  started(picked: Candidate, now: number): void {
    this.#inner.started?.(picked, now)
  }

  ended(left: Candidate, now: number): void {
    this.#inner.ended?.(left, now)
  }

  observed(candidate: Candidate, durationMs: number, now: number): void {
    this.#inner.observed?.(candidate, durationMs, now)
  }

  #latest(): BalancingStrategy {
    const factory = this.#current()
    if (factory !== this.#of) {
      this.#of = factory
      this.#inner = factory.create(this.#random)
      if (this.#candidates.length > 0) this.#inner.reset(this.#candidates, this.#now)
    }
    return this.#inner
  }
}
