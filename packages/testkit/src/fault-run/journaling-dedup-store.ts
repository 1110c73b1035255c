import type { DedupClaim, DedupStore } from '@comm/core'
import { type Ending, type Journal, monotonicMicroseconds } from './journal.ts'
import { messageOf } from './producer.ts'

/**
 * Keys are the ids of messages. A handling begins when its claim is granted: from then on no other consumer gets the message, so
 * that is what the order is judged by.
 */
export class JournalingDedupStore implements DedupStore {
  readonly #store: DedupStore
  readonly #journal: Journal
  readonly #running = new Map<string, number>()
  #handlings = 0

  constructor(store: DedupStore, journal: Journal) {
    this.#store = store
    this.#journal = journal
  }

  async claim(id: string, leaseMs: number): Promise<DedupClaim> {
    const handling = this.#ask(id)
    try {
      const claim = await this.#store.claim(id, leaseMs)
      if (claim.state === 'claimed') this.#begin(id, handling)
      else this.#write(handling, claim.state)
      return claim
    } catch (thrown) {
      this.#write(handling, 'busy')
      throw thrown
    }
  }

  /** To be called by the handler, as the first thing that it does: under one claim it may be called several times. */
  begin(id: string): void {
    if (!this.#running.has(id)) this.#begin(id, this.#ask(id))
  }

  /** To be called by the handler, as the last thing that it does. */
  end(id: string, how: Ending): void {
    const handling = this.#running.get(id)
    if (handling === undefined) return
    this.#running.delete(id)
    this.#write(handling, how)
  }

  renew(id: string, token: string, leaseMs: number): Promise<boolean> {
    return this.#store.renew(id, token, leaseMs)
  }

  commit(id: string, token: string, rememberMs: number): Promise<boolean> {
    return this.#store.commit(id, token, rememberMs)
  }

  async release(id: string, token: string): Promise<void> {
    // Still running here means that no handler was called: the consumer lost the message just after the claim.
    this.end(id, 'lost')
    await this.#store.release(id, token)
  }

  #ask(id: string): number {
    const { key, n } = messageOf(id)
    this.#handlings++
    this.#journal.write(['asked', monotonicMicroseconds(), key, n, this.#handlings])
    return this.#handlings
  }

  #begin(id: string, handling: number): void {
    const { key, n } = messageOf(id)
    this.#running.set(id, handling)
    this.#journal.write(['begun', monotonicMicroseconds(), key, n, handling])
  }

  #write(handling: number, how: Ending): void {
    this.#journal.write(['ended', monotonicMicroseconds(), handling, how])
  }
}
