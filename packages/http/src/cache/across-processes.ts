import { type Clock, sleep } from '@comm/core'
import { answerFrom } from './answers.ts'
import { NOTHING_ASKED } from './asked.ts'
import type { CacheableRequest } from './cacheable-request.ts'
import type { Fetched } from './fetcher.ts'
import { type GuardedStore, UNASKED } from './guarded-store.ts'
import type { Repository } from './repository.ts'
import { reuseOf } from './reuse.ts'
import type { Stored } from './stored.ts'

/** As long as one process waits for another's fetch. */
const LEASE_MS = 2000
const LOOK_AGAIN_MS = 20

/** Lets one of the processes that share a store fetch an answer, and the others wait for it there. */
export class AcrossProcesses {
  readonly #store: GuardedStore
  readonly #repository: Repository
  readonly #clock: Clock

  constructor(store: GuardedStore, repository: Repository, clock: Clock) {
    this.#store = store
    this.#repository = repository
    this.#clock = clock
  }

  /**
   * What another process brings meanwhile, or what `fetch` does.
   * @param known what was stored before
   */
  async fetch(
    request: CacheableRequest,
    known: Stored | undefined,
    signal: AbortSignal,
    fetch: (known: Stored | undefined) => Promise<Fetched>,
  ): Promise<Fetched> {
    if (!this.#store.isClaimable) return fetch(known)
    const key = request.url.href
    const until = this.#clock.now() + LEASE_MS
    let token = await this.#store.claim(key, LEASE_MS)
    try {
      for (;;) {
        // Also by who has the right now: it may have been fetched and given back just before.
        const found = token === UNASKED ? known : await this.#repository.find(request)
        const brought = found && this.#answerOf(request, known, found)
        if (brought !== undefined) return brought
        if (token !== undefined || this.#clock.now() >= until) return await fetch(found ?? known)
        await sleep(LOOK_AGAIN_MS, { clock: this.#clock, signal })
        token = await this.#store.claim(key, LEASE_MS)
      }
    } finally {
      if (token !== undefined) await this.#store.release(key, token)
    }
  }

  #answerOf(request: CacheableRequest, known: Stored | undefined, found: Stored): Fetched | undefined {
    const now = this.#clock.wall()
    if (found.storedAt === known?.storedAt || reuseOf(found, NOTHING_ASKED, now) === 'validate') return undefined
    const answer = answerFrom(request, NOTHING_ASKED, found, now, 'fwd=uri-miss; collapsed')
    return answer && { answer, stored: found, how: 'coalesced' }
  }
}
