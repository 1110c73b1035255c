import { checkOptions, number, withDefaults } from '../../options.ts'
import type { Candidate } from '../candidate.ts'
import { hash32 } from '../hash32.ts'
import type { BalancingStrategy, StrategyFactory } from '../strategy.ts'

export interface ConsistentHashOptions {
  /** Places on the ring of an instance of weight 1: the more, the more even the shares. @default 100 */
  readonly places?: number
  /**
   * Nobody gets more than so many times its share of the calls in flight; what is beyond goes to the next on the ring. At least 1; Infinity
   * lets a popular key overload its instance. @default 1.25
   */
  readonly loadFactor?: number
}

export const CONSISTENT_HASH_DEFAULTS: Readonly<Required<ConsistentHashOptions>> = Object.freeze({
  places: 100,
  loadFactor: 1.25,
})

/**
 * Calls of one key go to one instance, and when instances come or go only a share of the keys moves. Bounded by the load in flight (V.
 * Mirrokni, M. Thorup, M. Zadimoghaddam, "Consistent Hashing with Bounded Loads"). A pick is O(log n). Calls without a key go anywhere.
 */
export function consistentHash(options: ConsistentHashOptions = {}): StrategyFactory {
  checkOptions<ConsistentHashOptions>('consistentHash', options, {
    places: number({ min: 1, integer: true }),
    loadFactor: number({ min: 1, infinite: true }),
  })
  const resolved = withDefaults(CONSISTENT_HASH_DEFAULTS, options)
  return { name: 'consistentHash', create: (random) => new ConsistentHash(resolved, random) }
}

/** A place is one number: its position on the ring, then the index of its owner. Both fit into 53 bits. */
const MOST_CANDIDATES = 2 ** 21

class ConsistentHash implements BalancingStrategy {
  readonly #options: Required<ConsistentHashOptions>
  readonly #random: () => number
  #candidates: readonly Candidate[] = []
  #ring = new Float64Array(0)
  #totalWeight = 0
  #inFlight = 0

  constructor(options: Required<ConsistentHashOptions>, random: () => number) {
    this.#options = options
    this.#random = random
  }

  reset(candidates: readonly Candidate[]): void {
    const places: number[] = []
    for (const [index, { instance }] of candidates.entries()) {
      const count = Math.max(1, Math.round(this.#options.places * weightOf(instance)))
      for (let each = 0; each < count; each++) places.push(hash32(`${instance.id}#${each}`) * MOST_CANDIDATES + index)
    }
    this.#ring = Float64Array.from(places).sort()
    this.#candidates = candidates
    this.#totalWeight = candidates.reduce((sum, { instance }) => sum + weightOf(instance), 0)
    this.#inFlight = candidates.reduce((sum, { inFlight }) => sum + inFlight, 0)
  }

  pick(key: string | undefined): Candidate {
    return this.#walk(key, undefined) as Candidate
  }

  pickOther(avoid: ReadonlySet<string>, key: string | undefined): Candidate | undefined {
    return this.#walk(key, avoid)
  }

  started(): void {
    this.#inFlight++
  }

  ended(): void {
    this.#inFlight--
  }

  /** The first on the ring that has room, else the first at all. */
  #walk(key: string | undefined, avoid: ReadonlySet<string> | undefined): Candidate | undefined {
    const ring = this.#ring
    const start = this.#placeOf(key === undefined ? Math.floor(this.#random() * 2 ** 32) : hash32(key))
    let full: Candidate | undefined
    for (let step = 0; step < ring.length; step++) {
      const owner = (ring[(start + step) % ring.length] as number) % MOST_CANDIDATES
      const candidate = this.#candidates[owner] as Candidate
      if (avoid?.has(candidate.instance.id)) continue
      if (this.#hasRoom(candidate)) return candidate
      full ??= candidate
    }
    return full
  }

  /** Index of the first place at or after the position. */
  #placeOf(position: number): number {
    const wanted = position * MOST_CANDIDATES
    let low = 0
    let high = this.#ring.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#ring[middle] as number) < wanted) low = middle + 1
      else high = middle
    }
    return low === this.#ring.length ? 0 : low
  }

  #hasRoom({ instance, inFlight }: Candidate): boolean {
    const share = ((this.#inFlight + 1) * weightOf(instance)) / this.#totalWeight
    return inFlight < Math.ceil(share * this.#options.loadFactor)
  }
}

function weightOf({ weight = 1 }: { readonly weight?: number }): number {
  return weight
}
