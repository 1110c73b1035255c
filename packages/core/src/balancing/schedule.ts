import type { Candidate } from './candidate.ts'
import { IndexedHeap } from './indexed-heap.ts'

/** Turns of one round, unless there are more instances: weights that differ more finely are rounded. */
const MOST_TURNS = 4096

/**
 * The order of one round in which each has turns by its weight, as evenly spread as can be: earliest deadline first, where each turn of an
 * instance is due one nth of a round after its last (Envoy, "EDF scheduler"; nginx's smooth weighted round robin gives the same order).
 */
export function scheduleByWeight(candidates: readonly Candidate[]): readonly Candidate[] {
  const turns = turnsByWeight(candidates.map(({ instance: { weight = 1 } }) => weight))
  const step = new Map(candidates.map((candidate, index) => [candidate, 1 / (turns[index] as number)]))
  const heap = new IndexedHeap()
  heap.fill(candidates, (candidate) => (step.get(candidate) as number) / 2)
  const total = turns.reduce((sum, each) => sum + each, 0)
  return Array.from({ length: total }, () => {
    const next = heap.first as Candidate
    heap.move(next, next.heapKey + (step.get(next) as number))
    return next
  })
}

/** Whole numbers in the ratio of the weights: exactly where small ones do, else about; at least 1 each. */
function turnsByWeight(weights: readonly number[]): readonly number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  if (weights.every(Number.isInteger)) {
    const divisor = weights.reduce(greatestCommonDivisor)
    if (total / divisor <= MOST_TURNS) return weights.map((weight) => weight / divisor)
  }
  const room = Math.max(MOST_TURNS, weights.length)
  return weights.map((weight) => Math.max(1, Math.round((weight / total) * room)))
}

function greatestCommonDivisor(one: number, other: number): number {
  return other === 0 ? one : greatestCommonDivisor(other, one % other)
}
