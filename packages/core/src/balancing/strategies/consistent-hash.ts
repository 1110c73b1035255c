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
 * Mirrokni, M. Thorup, M. Zadimoghaddam, "Consistent Hashing with Bounded Loads"). A pick is O(1), about. Calls without a key go anywhere.
 */
export function consistentHash(options: ConsistentHashOptions = {}): StrategyFactory {
  checkOptions<ConsistentHashOptions>('consistentHash', options, {
    places: number({ min: 1, integer: true }),
    loadFactor: number({ min: 1, infinite: true }),
  })
  const resolved = withDefaults(CONSISTENT_HASH_DEFAULTS, options)
  return { name: 'consistentHash', create: (random) => new ConsistentHash(resolved, random) }
}

/** To be sorted, a place is one number: its position on the ring, then the index of its owner. Both fit into 53 bits. */
const MOST_CANDIDATES = 2 ** 21
const POSITION_BITS = 32
const MOST_SECTOR_BITS = 24

class ConsistentHash implements BalancingStrategy {
  readonly #options: Required<ConsistentHashOptions>
  readonly #random: () => number
  #candidates: readonly Candidate[] = []
  /** Of the places in their order: position and index of the owner. */
  #positions = new Uint32Array(0)
  #owners = new Uint32Array(0)
  /** About as many sectors of equal size as places, so that where a position belongs is found at once: the first place of each. */
  #sectors = new Uint32Array(0)
  #sectorShift = 0
  #weights = new Float64Array(0)
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
    this.#layOut(Float64Array.from(places).sort())
    this.#candidates = candidates
    this.#weights = Float64Array.from(candidates, ({ instance }) => weightOf(instance))
    this.#totalWeight = this.#weights.reduce((sum, weight) => sum + weight, 0)
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
    const owners = this.#owners
    let place = this.#placeOf(key === undefined ? Math.floor(this.#random() * 2 ** POSITION_BITS) : hash32(key))
    /** Calls in flight that an instance of weight 1 may have, this one beside them. */
    const bound = ((this.#inFlight + 1) * this.#options.loadFactor) / this.#totalWeight
    let full: Candidate | undefined
    for (let step = 0; step < owners.length; step++) {
      const owner = owners[place] as number
      place = place + 1 === owners.length ? 0 : place + 1
      const candidate = this.#candidates[owner] as Candidate
      if (avoid?.has(candidate.instance.id)) continue
      // A whole number below the bound is below the bound rounded up, too.
      if (candidate.inFlight < bound * (this.#weights[owner] as number)) return candidate
      full ??= candidate
    }
    return full
  }

  #layOut(places: Float64Array): void {
    this.#positions = Uint32Array.from(places, (place) => Math.floor(place / MOST_CANDIDATES))
    this.#owners = Uint32Array.from(places, (place) => place % MOST_CANDIDATES)
    const bits = Math.min(MOST_SECTOR_BITS, Math.max(1, Math.ceil(Math.log2(places.length))))
    this.#sectorShift = POSITION_BITS - bits
    this.#sectors = new Uint32Array(2 ** bits)
    for (let sector = 0, place = 0; sector < this.#sectors.length; sector++) {
      while (place < places.length && (this.#positions[place] as number) >>> this.#sectorShift < sector) place++
      this.#sectors[sector] = place
    }
  }

  /** Index of the first place at or after the position. */
  #placeOf(position: number): number {
    const positions = this.#positions
    let place = this.#sectors[position >>> this.#sectorShift] as number
    while (place < positions.length && (positions[place] as number) < position) place++
    return place === positions.length ? 0 : place
  }
}

function weightOf({ weight = 1 }: { readonly weight?: number }): number {
  return weight
}
