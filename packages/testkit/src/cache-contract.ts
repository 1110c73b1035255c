import assert from 'node:assert/strict'
import type { CacheEntry, CacheStore } from '@comm/core'
import type { TestRunner } from './runner.ts'
import { type StoreSubject, storeCases } from './store-cases.ts'

/** The store keeps at least an entry of 100,000 bytes. */
export type CacheSubject = StoreSubject<CacheStore>

/** Longer than any case takes. */
const LONG_MS = 60_000
/** Short enough to really wait for. */
const SHORT_MS = 1000

function entryOf(text: string, metadata = `about ${text}`): CacheEntry {
  return { body: new TextEncoder().encode(text), metadata }
}

async function textAt(store: CacheStore, key: string): Promise<string | undefined> {
  const entry = await store.get(key)
  return entry === undefined ? undefined : new TextDecoder().decode(entry.body)
}

/**
 * What every `CacheStore` must do, as a test-suite. Each case uses keys and tags of its own, so the cases may share one server.
 *
 * @param create makes the store under test anew for each case
 */
export function cacheStoreContract(
  { describe, it }: Pick<TestRunner, 'describe' | 'it'>,
  name: string,
  create: () => Promise<CacheSubject> | CacheSubject,
): void {
  const verify = storeCases(it, create)

  describe(`CacheStore contract: ${name}`, () => {
    verify('gives back what was set, byte for byte', async ({ store }, key) => {
      const body = Uint8Array.from({ length: 256 }, (_, at) => at)
      assert.equal(await store.set(key, { body, metadata: '{"ü":"✓\\u0000"}' }, { ttlMs: LONG_MS }), true)
      const entry = await store.get(key)
      assert(entry !== undefined, 'the entry is there')
      assert.deepEqual(Uint8Array.from(entry.body), body)
      assert.equal(entry.metadata, '{"ü":"✓\\u0000"}')
    })

    verify('keeps nothing for a key that was not set', async ({ store }, key) => {
      assert.equal(await store.get(key), undefined)
      assert.equal(await store.delete(key), false)
    })

    verify('keeps an empty body and empty metadata', async ({ store }, key) => {
      await store.set(key, { body: new Uint8Array(), metadata: '' }, { ttlMs: LONG_MS })
      const entry = await store.get(key)
      assert.equal(entry?.body.byteLength, 0)
      assert.equal(entry?.metadata, '')
    })

    verify('keeps a large body', async ({ store }, key) => {
      await store.set(key, entryOf('x'.repeat(100_000)), { ttlMs: LONG_MS })
      assert.equal((await textAt(store, key))?.length, 100_000)
    })

    verify('forgets an entry when its time is over', async ({ store, pass }, key) => {
      await store.set(key, entryOf('short'), { ttlMs: SHORT_MS, tags: [key] })
      assert.equal(await textAt(store, key), 'short')
      await pass(SHORT_MS + 5)
      assert.equal(await store.get(key), undefined)
      assert.equal(await store.invalidateTag(key), 0)
    })

    verify('a later entry takes the place of an earlier one: bytes, time and tags', async ({ store, pass }, key) => {
      await store.set(key, entryOf('first'), { ttlMs: SHORT_MS, tags: [`${key}first`] })
      await store.set(key, entryOf('second'), { ttlMs: LONG_MS, tags: [`${key}second`] })
      await pass(SHORT_MS + 5)
      assert.equal(await store.invalidateTag(`${key}first`), 0)
      assert.equal(await textAt(store, key), 'second')
      assert.equal(await store.invalidateTag(`${key}second`), 1)
      assert.equal(await store.get(key), undefined)
    })

    verify('deletes one entry, and says whether there was one', async ({ store }, key) => {
      await store.set(key, entryOf('a'), { ttlMs: LONG_MS })
      assert.equal(await store.delete(key), true)
      assert.equal(await store.get(key), undefined)
      assert.equal(await store.delete(key), false)
    })

    verify('invalidates by tag: every entry that carries it, and no other', async ({ store }, key) => {
      const [red, blue] = [`${key}red`, `${key}blue`]
      await store.set(`${key}1`, entryOf('1'), { ttlMs: LONG_MS, tags: [red] })
      await store.set(`${key}2`, entryOf('2'), { ttlMs: LONG_MS, tags: [blue, red] })
      await store.set(`${key}3`, entryOf('3'), { ttlMs: LONG_MS, tags: [blue] })
      await store.set(`${key}4`, entryOf('4'), { ttlMs: LONG_MS })
      assert.equal(await store.invalidateTag(red), 2)
      assert.equal(await textAt(store, `${key}1`), undefined)
      assert.equal(await textAt(store, `${key}2`), undefined)
      assert.equal(await store.invalidateTag(red), 0)
      assert.equal(await store.invalidateTag(blue), 1)
      assert.equal(await textAt(store, `${key}4`), '4')
    })

    verify('a deleted entry that is set again without its tag is not found by it', async ({ store }, key) => {
      await store.set(key, entryOf('tagged'), { ttlMs: LONG_MS, tags: [`${key}tag`] })
      await store.delete(key)
      await store.set(key, entryOf('plain'), { ttlMs: LONG_MS })
      assert.equal(await store.invalidateTag(`${key}tag`), 0)
      assert.equal(await textAt(store, key), 'plain')
    })

    verify('invalidates by prefix: what begins so, whatever is in it', async ({ store }, key) => {
      const inside = [`${key}[a*]/`, `${key}[a*]/1`, `${key}[a*]/ü✓`, `${key}[a*]/\u{10FFFF}`, `${key}[a*]/\n2`]
      const outside = [`${key}[a*]`, `${key}a/`, `${key}[a*]0`, key]
      for (const each of [...inside, ...outside]) await store.set(each, entryOf('x'), { ttlMs: LONG_MS })
      assert.equal(await store.invalidatePrefix(`${key}[a*]/`), inside.length)
      for (const each of inside) assert.equal(await store.get(each), undefined, each)
      for (const each of outside) assert.equal(await textAt(store, each), 'x', each)
    })

    verify('keys do not touch each other', async ({ store }, key) => {
      const keys = [key, `${key}:`, `${key} `, `${key}\0`, `${key}/ü✓`, `${key}*`]
      for (const each of keys) await store.set(each, entryOf(each), { ttlMs: LONG_MS })
      for (const each of keys) assert.equal(await textAt(store, each), each)
    })

    verify(
      'where it can be claimed, one of many has the right to fetch, until it gives it back or its time is over',
      async (subject, key) => {
        const { store, pass } = subject
        const claim = async (leaseMs: number): Promise<string | undefined> => store.claim?.(key, leaseMs)
        if (store.claim === undefined) return
        const tokens = await Promise.all(Array.from({ length: 20 }, () => claim(LONG_MS)))
        const [token, ...others] = tokens.filter((each) => each !== undefined)
        assert(token !== undefined && others.length === 0, 'one of them has it')
        await store.release?.(key, 'made up')
        assert.equal(await claim(LONG_MS), undefined)
        assert.notEqual(await store.claim(`${key}other`, LONG_MS), undefined)
        await store.release?.(key, token)
        const short = await claim(SHORT_MS)
        assert(short !== undefined && short !== token, 'a claim after a release is a new one')
        await pass(SHORT_MS + 5)
        assert.notEqual(await claim(LONG_MS), undefined)
        await store.release?.(key, short)
        assert.equal(await claim(LONG_MS), undefined)
      },
    )

    verify('of many that set side by side one wins, whole', async ({ store }, key) => {
      const texts = Array.from({ length: 30 }, (_, at) => `${at}`)
      await Promise.all(texts.map(async (text) => store.set(key, entryOf(text), { ttlMs: LONG_MS, tags: [`${key}${text}`] })))
      const entry = await store.get(key)
      const text = new TextDecoder().decode(entry?.body)
      assert.equal(entry?.metadata, `about ${text}`)
      const found = await Promise.all(texts.map((each) => store.invalidateTag(`${key}${each}`)))
      assert.equal(
        found.reduce((sum, each) => sum + each, 0),
        1,
      )
    })
  })
}
