/** Entries seen until their average size is known, and over which it is taken. */
const FIRST_FETCH = 16
const AVERAGED = 16

/** How many entries of a topic may be fetched now, so that what waits here stays within a count and, about, within bytes. */
export class FetchRoom {
  readonly #maxCount: number
  readonly #maxBytes: number
  #waiting = 0
  #averageBytes: number
  #wake: (() => void) | undefined

  constructor(maxCount: number, maxBytes: number) {
    this.#maxCount = maxCount
    this.#maxBytes = maxBytes
    this.#averageBytes = maxBytes / FIRST_FETCH
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
    return Math.max(1, Math.min(this.#maxCount, Math.floor(this.#maxBytes / this.#averageBytes)))
  }

  get #isWorthIt(): boolean {
    return this.#waiting * 2 <= this.#limit
  }
}
