/**
 * Remembers which messages were handled, so that a redelivered one is not handled twice.
 * `claim` before handling, `commit` after success, `release` after failure. Each step is atomic; the contract suite in
 * `@comm/testkit` runs on every implementation.
 */
export interface DedupStore {
  /**
   * Takes the key for `leaseMs`. `claimed`: handle it, then commit or release with the token. `done`: it was committed.
   * `busy`: somebody else holds it; come back after `retryAfterMs`. An expired lease may be claimed again.
   */
  claim(key: string, leaseMs: number): Promise<DedupClaim>
  /** Makes the lease of a claim last `leaseMs` from now. False when it had expired already, so that another may hold the key. */
  renew(key: string, token: string, leaseMs: number): Promise<boolean>
  /** Marks the key as done for `rememberMs`. False when the lease had expired and another holder may have claimed it. */
  commit(key: string, token: string, rememberMs: number): Promise<boolean>
  /** Gives the key back, unless the lease has passed to another. */
  release(key: string, token: string): Promise<void>
}

export type DedupClaim =
  | { readonly state: 'claimed'; readonly token: string }
  | { readonly state: 'done' }
  | { readonly state: 'busy'; readonly retryAfterMs: number }
