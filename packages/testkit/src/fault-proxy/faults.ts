/** What is wrong with the way at the moment, for connections that exist and for those to come. */
export interface Faults {
  /** Each way, in milliseconds. */
  readonly delayMs: number
  /** Each way and connection. */
  readonly bytesPerSecond: number
  /** Sockets stay, and nothing passes; what was sent meanwhile passes once it is healed. */
  readonly halfOpen: boolean
}

export const HEALTHY: Faults = Object.freeze({ delayMs: 0, bytesPerSecond: Number.POSITIVE_INFINITY, halfOpen: false })

/** The faults in force, and the news that they changed. */
export class FaultState {
  readonly #listeners: Set<() => void> = new Set()
  #current: Faults = HEALTHY

  get current(): Faults {
    return this.#current
  }

  set(changes: Partial<Faults>): void {
    this.#current = { ...this.#current, ...changes }
    for (const listener of [...this.#listeners]) listener()
  }

  /** @returns how to stop listening */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }
}
