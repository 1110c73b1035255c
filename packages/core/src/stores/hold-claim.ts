import type { Clock, Timer } from '../clock.ts'
import type { DedupClaim, DedupStore } from './dedup.ts'

/** A claim whose lease is renewed until one of the two is called. */
export interface HeldClaim {
  readonly state: 'held'
  /** @returns false when the lease had expired, so that another may hold the key @throws what the store throws */
  commit(rememberMs: number): Promise<boolean>
  /** @throws what the store throws */
  release(): Promise<void>
}

/** Claims a key and keeps its lease from expiring while it is held. @throws what the store throws */
export async function holdClaim(
  store: DedupStore,
  key: string,
  leaseMs: number,
  clock: Clock,
): Promise<HeldClaim | Exclude<DedupClaim, { state: 'claimed' }>> {
  const claim = await store.claim(key, leaseMs)
  if (claim.state !== 'claimed') return claim
  const { token } = claim
  const renewal = renew(store, key, token, leaseMs, clock)
  return {
    state: 'held',
    commit(rememberMs) {
      renewal.cancel()
      return store.commit(key, token, rememberMs)
    },
    release() {
      renewal.cancel()
      return store.release(key, token)
    },
  }
}

function renew(store: DedupStore, key: string, token: string, leaseMs: number, clock: Clock): Timer {
  let timer: Timer
  let ended = false
  const extend = (): void => {
    store.renew(key, token, leaseMs).then(
      (held) => {
        if (held) arm()
      },
      () => arm(),
    )
  }
  const arm = (): void => {
    if (ended) return
    timer = clock.setTimer(leaseMs / 3, extend)
    // Whoever holds the claim is at work, or nobody needs it any more.
    timer.unref?.()
  }
  arm()
  return {
    cancel() {
      ended = true
      timer.cancel()
    },
  }
}
