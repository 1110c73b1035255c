import type { Candidate } from './candidate.ts'

const NONE: readonly Candidate[] = Object.freeze([])

/** Those whose weight still grows, so that what was reckoned with it has to be reckoned anew. */
export class Warming {
  #candidates: readonly Candidate[] = NONE

  reset(candidates: readonly Candidate[], now: number): void {
    this.#candidates = candidates.filter(({ warmAt }) => warmAt > now)
  }

  /** Costs nothing when there are none. */
  at(now: number): readonly Candidate[] {
    const still = this.#candidates
    if (still.length > 0) this.#candidates = still.filter(({ warmAt }) => warmAt > now)
    return still
  }
}

/** From then on all have their whole weight. */
export function lastWarmAt(candidates: readonly Candidate[]): number {
  return candidates.reduce((last, { warmAt }) => Math.max(last, warmAt), 0)
}

/** When all start slowly it does not matter which. */
const MOST_PASSED_OVER = 16

/**
 * For strategies that reckon with whole weights: one that starts slowly is passed over as often as its share says.
 * @param next the strategy's next choice
 */
export function passOverWarming(next: () => Candidate, now: number, random: () => number): Candidate {
  let picked = next()
  for (let tries = 0; tries < MOST_PASSED_OVER && isPassedOver(picked, now, random); tries++) picked = next()
  return picked
}

function isPassedOver(candidate: Candidate, now: number, random: () => number): boolean {
  if (now >= candidate.warmAt) return false
  const { weight = 1 } = candidate.instance
  return random() >= candidate.weightAt(now) / weight
}
