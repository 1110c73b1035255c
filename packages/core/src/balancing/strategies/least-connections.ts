import type { Candidate } from '../candidate.ts'
import { IndexedHeap } from '../indexed-heap.ts'
import type { BalancingStrategy, StrategyFactory } from '../strategy.ts'
import { Warming } from '../warming.ts'

/** The one with the fewest calls in flight for its weight; equals take turns. A pick is O(1), a call's begin and end O(log n). */
export function leastConnections(): StrategyFactory {
  return { name: 'leastConnections', create: () => new LeastConnections() }
}

class LeastConnections implements BalancingStrategy {
  readonly #heap = new IndexedHeap()
  readonly #warming = new Warming()

  reset(candidates: readonly Candidate[], now: number): void {
    this.#heap.fill(candidates, (candidate) => load(candidate, now))
    this.#warming.reset(candidates, now)
  }

  pick(_: string | undefined, now: number): Candidate {
    for (const candidate of this.#warming.at(now)) this.#heap.move(candidate, load(candidate, now))
    return this.#heap.first as Candidate
  }

  started(candidate: Candidate, now: number): void {
    this.#heap.move(candidate, load(candidate, now))
  }

  ended(candidate: Candidate, now: number): void {
    this.#heap.move(candidate, load(candidate, now))
  }
}

/** What it would carry with one call more. */
function load(candidate: Candidate, now: number): number {
  return (candidate.inFlight + 1) / candidate.weightAt(now)
}
