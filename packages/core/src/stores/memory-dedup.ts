import { randomUUID } from 'node:crypto'
import { type Clock, systemClock } from '../clock.ts'
import { checkOptions, number, object, withDefaults } from '../options.ts'
import type { DedupClaim, DedupStore } from './dedup.ts'

export interface MemoryDedupOptions {
  /** Keys remembered at most; beyond it the ones that were touched least recently are forgotten. @default 100000 */
  readonly maxKeys?: number
  /** @default systemClock */
  readonly clock?: Clock
}

export const MEMORY_DEDUP_DEFAULTS: Readonly<Required<MemoryDedupOptions>> = Object.freeze({
  maxKeys: 100_000,
  clock: systemClock,
})

interface Entry {
  /** Absent: done. */
  readonly token: string | undefined
  readonly until: number
}

/** Remembers keys within one process, in bounded memory. A claim is forgotten like any other key when the bound is reached. */
export class MemoryDedupStore implements DedupStore {
  readonly #maxKeys: number
  readonly #clock: Clock
  /** Least recently touched first. */
  readonly #entries = new Map<string, Entry>()

  /** @throws ConfigurationError */
  constructor(options: MemoryDedupOptions = {}) {
    checkOptions<MemoryDedupOptions>('MemoryDedupStore', options, { maxKeys: number({ min: 1, integer: true }), clock: object })
    const { maxKeys, clock } = withDefaults(MEMORY_DEDUP_DEFAULTS, options)
    this.#maxKeys = maxKeys
    this.#clock = clock
  }

  /** Keys held, expired ones that were not looked at since included. */
  get size(): number {
    return this.#entries.size
  }

  async claim(key: string, leaseMs: number): Promise<DedupClaim> {
    const now = this.#clock.now()
    const entry = this.#entries.get(key)
    if (entry !== undefined && entry.until > now) {
      return entry.token === undefined ? { state: 'done' } : { state: 'busy', retryAfterMs: entry.until - now }
    }
    const token = randomUUID()
    this.#put(key, { token, until: now + leaseMs })
    return { state: 'claimed', token }
  }

  async renew(key: string, token: string, leaseMs: number): Promise<boolean> {
    if (!this.#holds(key, token)) return false
    this.#put(key, { token, until: this.#clock.now() + leaseMs })
    return true
  }

  async commit(key: string, token: string, rememberMs: number): Promise<boolean> {
    if (!this.#holds(key, token)) return false
    this.#put(key, { token: undefined, until: this.#clock.now() + rememberMs })
    return true
  }

  async release(key: string, token: string): Promise<void> {
    if (this.#entries.get(key)?.token === token) this.#entries.delete(key)
  }

  #holds(key: string, token: string): boolean {
    const entry = this.#entries.get(key)
    return entry?.token === token && entry.until > this.#clock.now()
  }

  #put(key: string, entry: Entry): void {
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    if (this.#entries.size <= this.#maxKeys) return
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest)
      return
    }
  }
}
