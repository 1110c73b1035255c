import { MemoryDedupStore } from '@comm/core'
import { dedupStoreContract, TestClock } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'

dedupStoreContract({ describe, it }, 'memory', () => {
  const clock = new TestClock()
  return { store: new MemoryDedupStore({ clock }), pass: (ms) => clock.advance(ms) }
})

describe('MemoryDedupStore', () => {
  it('forgets the keys that were touched least recently when it is full', async () => {
    const store = new MemoryDedupStore({ maxKeys: 2 })
    const first = await store.claim('first', 1000)
    await store.claim('second', 1000)
    if (first.state === 'claimed') await store.renew('first', first.token, 1000)
    await store.claim('third', 1000)
    expect(store.size).toBe(2)
    expect((await store.claim('first', 1000)).state).toBe('busy')
    expect((await store.claim('second', 1000)).state).toBe('claimed')
  })

  it('refuses wrong options', () => {
    expect(() => new MemoryDedupStore({ maxKeys: 0 })).toThrow('MemoryDedupStore.maxKeys must be an integer >= 1, got 0')
  })
})
