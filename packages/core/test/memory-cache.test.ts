import { type CacheEntry, MemoryCacheStore } from '@comm/core'
import { cacheStoreContract, TestClock } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'

cacheStoreContract({ describe, it }, 'memory', () => {
  const clock = new TestClock()
  return { store: new MemoryCacheStore({ clock }), pass: (ms) => clock.advance(ms) }
})

function bytes(size: number): CacheEntry {
  return { body: new Uint8Array(size), metadata: '' }
}

describe('MemoryCacheStore', () => {
  it('lets the least recently used entry go first', () => {
    const store = new MemoryCacheStore({ maxEntries: 2, clock: new TestClock() })
    store.set('a', bytes(1), { ttlMs: 1000 })
    store.set('b', bytes(1), { ttlMs: 1000 })
    store.get('a')
    store.set('c', bytes(1), { ttlMs: 1000 })
    expect(['a', 'b', 'c'].filter((key) => store.get(key) !== undefined)).toEqual(['a', 'c'])
    expect(store.evicted).toBe(1)
  })

  it('knows the order of use also where one entry is asked for over and over', () => {
    const store = new MemoryCacheStore({ maxEntries: 2, clock: new TestClock() })
    for (const key of ['a', 'b']) store.set(key, bytes(1), { ttlMs: 1000 })
    for (const key of ['b', 'b', 'a', 'a', 'b', 'b']) store.get(key)
    store.set('c', bytes(1), { ttlMs: 1000 })
    expect(store.get('a')).toBeUndefined()
    store.get('c')
    store.delete('c')
    store.set('d', bytes(1), { ttlMs: 1000 })
    expect(['b', 'd'].map((key) => store.get(key)?.body.byteLength)).toEqual([1, 1])
  })

  it('does not keep what is larger than all of it, nor the older entry of that key', () => {
    const store = new MemoryCacheStore({ maxBytes: 2000, clock: new TestClock() })
    expect(store.set('a', bytes(10), { ttlMs: 1000 })).toBe(true)
    expect(store.set('a', bytes(2001), { ttlMs: 1000 })).toBe(false)
    expect(store.get('a')).toBeUndefined()
    expect(store.bytes).toBe(0)
  })

  it('keeps the bytes of a view alone, not the buffer behind it', () => {
    const store = new MemoryCacheStore({ clock: new TestClock() })
    store.set('a', { body: new Uint8Array(100_000).subarray(10, 20), metadata: '' }, { ttlMs: 1000 })
    expect(store.get('a')?.body.buffer.byteLength).toBe(10)
  })

  it('never holds more than it may, and counts what it holds', () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd', 'e')
    const tag = fc.constantFrom('x', 'y')
    const step = fc.oneof(
      fc.record({ do: fc.constant('set' as const), key, size: fc.nat(900), ttlMs: fc.integer({ min: 1, max: 50 }), tag }),
      fc.record({ do: fc.constant('get' as const), key }),
      fc.record({ do: fc.constant('delete' as const), key }),
      fc.record({ do: fc.constant('tag' as const), tag }),
      fc.record({ do: fc.constant('prefix' as const), key }),
      fc.record({ do: fc.constant('wait' as const), ms: fc.nat(30) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        let now = 0
        const clock = Object.assign(new TestClock(), { now: () => now })
        const store = new MemoryCacheStore({ maxBytes: 2500, maxEntries: 3, clock })
        const until = new Map<string, number>()
        for (const each of steps) {
          if (each.do === 'wait') now += each.ms
          else if (each.do === 'delete') store.delete(each.key)
          else if (each.do === 'tag') store.invalidateTag(each.tag)
          else if (each.do === 'prefix') store.invalidatePrefix(each.key)
          else if (each.do === 'get') {
            const entry = store.get(each.key)
            if (entry !== undefined) expect(now).toBeLessThan(until.get(each.key) ?? 0)
          } else {
            store.set(each.key, bytes(each.size), { ttlMs: each.ttlMs, tags: [each.tag] })
            until.set(each.key, now + each.ttlMs)
          }
          expect(store.bytes).toBeLessThanOrEqual(2500)
          expect(store.size).toBeLessThanOrEqual(3)
        }
        store.invalidatePrefix('')
        expect([store.size, store.bytes]).toEqual([0, 0])
      }),
    )
  })
})
