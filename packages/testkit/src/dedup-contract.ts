import assert from 'node:assert/strict'
import type { DedupStore } from '@comm/core'
import type { TestRunner } from './runner.ts'
import { type StoreSubject, storeCases } from './store-cases.ts'

export type DedupSubject = StoreSubject<DedupStore>

/** Long enough that no lease ends by itself in a case that does not let time pass. */
const LEASE_MS = 60_000
/** Short enough to really wait for. */
const SHORT_MS = 1000

/**
 * What every `DedupStore` must do, as a test-suite. Each case uses a key of its own, so the cases may share one server.
 *
 * @param create makes the store under test anew for each case
 */
export function dedupStoreContract(
  { describe, it }: Pick<TestRunner, 'describe' | 'it'>,
  name: string,
  create: () => Promise<DedupSubject> | DedupSubject,
): void {
  const verify = storeCases(it, create)

  describe(`DedupStore contract: ${name}`, () => {
    verify('a free key is claimed, and is busy for others until the lease ends', async ({ store, pass }, key) => {
      await claimed(store, key, SHORT_MS)
      const claim = await store.claim(key, SHORT_MS)
      assert.equal(claim.state, 'busy')
      assert(claim.state === 'busy' && claim.retryAfterMs > 0 && claim.retryAfterMs <= SHORT_MS, 'it says when to come back')
      await pass(SHORT_MS + 1)
      await claimed(store, key)
    })

    verify('a committed key is done, for as long as it is to be remembered', async ({ store, pass }, key) => {
      const token = await claimed(store, key)
      assert.equal(await store.commit(key, token, SHORT_MS), true)
      assert.deepEqual(await store.claim(key, LEASE_MS), { state: 'done' })
      await pass(SHORT_MS + 1)
      await claimed(store, key)
    })

    verify('a released key is free at once', async ({ store }, key) => {
      await store.release(key, await claimed(store, key))
      await claimed(store, key)
    })

    verify('a renewed lease lasts from then on', async ({ store, pass }, key) => {
      const token = await claimed(store, key, SHORT_MS)
      assert.equal(await store.renew(key, token, LEASE_MS), true)
      await pass(SHORT_MS + 1)
      assert.equal((await store.claim(key, LEASE_MS)).state, 'busy')
      assert.equal(await store.commit(key, token, LEASE_MS), true)
    })

    verify('who lost the lease can neither renew, commit nor release', async ({ store, pass }, key) => {
      const late = await claimed(store, key, SHORT_MS)
      await pass(SHORT_MS + 1)
      assert.equal(await store.renew(key, late, LEASE_MS), false)
      const holder = await claimed(store, key)
      assert.equal(await store.renew(key, late, LEASE_MS), false)
      assert.equal(await store.commit(key, late, LEASE_MS), false)
      await store.release(key, late)
      assert.equal((await store.claim(key, LEASE_MS)).state, 'busy')
      assert.equal(await store.commit(key, holder, LEASE_MS), true)
    })

    verify('a commit is final: it can neither be renewed, committed again nor released', async ({ store }, key) => {
      const token = await claimed(store, key)
      await store.commit(key, token, LEASE_MS)
      assert.equal(await store.renew(key, token, LEASE_MS), false)
      assert.equal(await store.commit(key, token, LEASE_MS), false)
      await store.release(key, token)
      assert.deepEqual(await store.claim(key, LEASE_MS), { state: 'done' })
    })

    verify('a key that nobody claimed can neither be renewed, committed nor released', async ({ store }, key) => {
      assert.equal(await store.renew(key, 'made up', LEASE_MS), false)
      assert.equal(await store.commit(key, 'made up', LEASE_MS), false)
      await store.release(key, 'made up')
      await claimed(store, key)
    })

    verify('keys do not touch each other, whatever is in them', async ({ store }, key) => {
      for (const other of [`${key}:`, `${key} `, `${key}\0`, `${key}/ü✓`, `${key}*`]) await claimed(store, other)
      await claimed(store, key)
    })

    verify('of many that claim at the same time one gets it', async ({ store }, key) => {
      const claims = await Promise.all(Array.from({ length: 50 }, () => store.claim(key, LEASE_MS)))
      assert.equal(claims.filter(({ state }) => state === 'claimed').length, 1)
      assert.equal(claims.filter(({ state }) => state === 'busy').length, 49)
    })
  })
}

async function claimed(store: DedupStore, key: string, leaseMs = LEASE_MS): Promise<string> {
  const claim = await store.claim(key, leaseMs)
  assert(claim.state === 'claimed', `${key} should be free, but is ${claim.state}`)
  return claim.token
}
