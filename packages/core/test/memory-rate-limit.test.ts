import { MemoryRateLimitStore } from '@comm/core'
import { rateLimitStoreContract, TestClock } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'

rateLimitStoreContract({ describe, it }, 'memory', () => {
  const clock = new TestClock()
  return { store: new MemoryRateLimitStore({ clock }), pass: (ms) => clock.advance(ms) }
})

/** A clock that only reads: what the arithmetic needs. */
function stoppedClock() {
  const time = { nowMs: 0 }
  const clock = Object.assign(new TestClock(), { now: () => time.nowMs })
  return { clock, time }
}

describe('MemoryRateLimitStore', () => {
  it('never gives out more than the capacity and what has flowed in, and keeps its word about when', () => {
    const step = fc.record({ waitMs: fc.double({ min: 0, max: 5000, noNaN: true }), tokens: fc.integer({ min: 1, max: 8 }) })
    const bucketOf = fc.record({
      capacity: fc.integer({ min: 8, max: 20 }),
      perSecond: fc.double({ min: 0.5, max: 500, noNaN: true }),
    })
    fc.assert(
      fc.property(bucketOf, fc.array(step, { maxLength: 60 }), (bucket, steps) => {
        const { clock, time } = stoppedClock()
        const store = new MemoryRateLimitStore({ clock })
        let taken = 0
        for (const { waitMs, tokens } of steps) {
          time.nowMs += waitMs
          let answer = store.take('key', tokens, bucket)
          if (!answer.allowed) {
            time.nowMs += answer.retryAfterMs
            answer = store.take('key', tokens, bucket)
          }
          expect(answer.allowed).toBe(true)
          taken += tokens
          expect(taken).toBeLessThanOrEqual(bucket.capacity + (time.nowMs / 1000) * bucket.perSecond + 0.001)
        }
      }),
    )
  })

  it('takes a clock that went back for one that stood still', () => {
    const { clock, time } = stoppedClock()
    const store = new MemoryRateLimitStore({ clock })
    const bucket = { capacity: 2, perSecond: 1 }
    time.nowMs = 10_000
    store.take('key', 2, bucket)
    time.nowMs = 5000
    expect(store.take('key', 1, bucket)).toEqual({ allowed: false, remaining: 0, retryAfterMs: 1000 })
  })

  it('keeps a bounded number of buckets and forgets the least recently used', () => {
    const store = new MemoryRateLimitStore({ maxKeys: 2, clock: new TestClock() })
    const bucket = { capacity: 1, perSecond: 0.001 }
    store.take('a', 1, bucket)
    store.take('b', 1, bucket)
    store.take('a', 0, bucket)
    store.take('c', 1, bucket)
    expect(store.size).toBe(2)
    expect(store.take('a', 1, bucket).allowed).toBe(false)
    expect(store.take('b', 1, bucket).allowed).toBe(true)
  })
})
