/** How many entries of a topic may be fetched now, so that what waits here stays within a count and, about, within bytes. */
export class FetchRoom {
  readonly #maxCount: number
  readonly #maxBytes: number
  #waiting = 0
  /** Of the entries seen so far; careful until some were. */
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

  get #limit(): number {
    return Math.max(1, Math.min(this.#maxCount, Math.floor(this.#maxBytes / this.#averageBytes)))
  }

  add(bytes: number): void {
    this.#waiting++
    this.#averageBytes += (bytes - this.#averageBytes) / AVERAGED
  }

  /** One was handed over. */
  taken(): void {
    this.#waiting--
    if (this.#isWorthIt) this.#wake?.()
  }

  clear(): void {
    this.#waiting = 0
  }

  /** Resolves when there is room for a fetch that is worth its price, or when the signal aborts. */
  async wait(signal: AbortSignal): Promise<void> {
    if (this.#isWorthIt || signal.aborted) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake = resolve
    signal.addEventListener('abort', () => resolve(), { once: true })
    await promise
    this.#wake = undefined
  }

  get #isWorthIt(): boolean {
    return this.#waiting * 2 <= this.#limit
  }
}

const FIRST_FETCH = 16
const AVERAGED = 16
