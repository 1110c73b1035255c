/** Counts what waits to be handed over. */
export interface Room {
  add(bytes: number): void
  taken(): void
}

export interface FetchLimits {
  readonly prefetchCount: number
  readonly prefetchBytes: number
}

/** Records over which the average size is taken, and that are fetched before it is known. */
const AVERAGED = 16

/** How many records of a topic may be fetched now, so that what waits here stays within a count and, about, within bytes. */
export class FetchRoom implements Room {
  readonly #limits: FetchLimits
  #waiting = 0
  #averageBytes: number
  #wake: (() => void) | undefined

  constructor(limits: FetchLimits) {
    this.#limits = limits
    this.#averageBytes = limits.prefetchBytes / AVERAGED
  }

  get free(): number {
    return Math.max(0, this.#limit - this.#waiting)
  }

  add(bytes: number): void {
    this.#waiting++
    this.#averageBytes += (bytes - this.#averageBytes) / AVERAGED
  }

  /** One was handed over. */
  taken(): void {
    this.#waiting--
    if (this.#wake !== undefined && this.#isWorthIt) this.wake()
  }

  /** Ends a wait. */
  wake(): void {
    this.#wake?.()
    this.#wake = undefined
  }

  /** Resolves when there is room for a fetch that is worth its price, or at `wake`. */
  async wait(): Promise<void> {
    if (this.#isWorthIt) return
    await new Promise<void>((resolve) => {
      this.#wake = resolve
    })
  }

  get #limit(): number {
    const { prefetchCount, prefetchBytes } = this.#limits
    return Math.max(1, Math.min(prefetchCount, Math.floor(prefetchBytes / this.#averageBytes)))
  }

  get #isWorthIt(): boolean {
    return this.#waiting * 2 <= this.#limit
  }
}
