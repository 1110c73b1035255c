/** Until a process has been up for so long, it is still filling its pools, caches and compiled code. */
const WARM_UP_MS = 10_000
const MIB = 1024 * 1024

/** Follows the resident memory of one process. */
export class MemoryWatch {
  readonly #warmAt: number
  #warmBytes = 0
  #maxBytes = 0

  /** @param startedAt by `performance.now()` */
  constructor(startedAt: number) {
    this.#warmAt = startedAt + WARM_UP_MS
  }

  sample(bytes: number, now: number): void {
    if (now <= this.#warmAt) this.#warmBytes = Math.max(this.#warmBytes, bytes)
    this.#maxBytes = Math.max(this.#maxBytes, bytes)
  }

  get maxMiB(): number {
    return Math.ceil(this.#maxBytes / MIB)
  }

  /** Since the end of the warm-up; 0 where it did not live longer. */
  get growthMiB(): number {
    return this.#warmBytes === 0 ? 0 : Math.ceil((this.#maxBytes - this.#warmBytes) / MIB)
  }
}
