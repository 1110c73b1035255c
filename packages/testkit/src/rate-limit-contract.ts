import { deepEqual, equal, ok } from 'node:assert/strict'
import type { RateLimitAnswer, RateLimitStore, TokenBucket } from '@comm/core'
import type { TestRunner } from './runner.ts'
import { newKey, type StoreSubject, storeCases } from './store-cases.ts'

export type RateLimitSubject = StoreSubject<RateLimitStore>

/** Of rounding. */
const SLACK_MS = 1

/**
 * What every `RateLimitStore` must do, as a test-suite. Each case uses keys of its own, so the cases may share one server.
 *
 * @param create makes the store under test anew for each case
 */
export function rateLimitStoreContract(
  { describe, it }: Pick<TestRunner, 'describe' | 'it'>,
  name: string,
  create: () => Promise<RateLimitSubject> | RateLimitSubject,
): void {
  const verify = storeCases(it, create)

  describe(`RateLimitStore contract: ${name}`, () => {
    verify('allows a burst of the capacity and then refuses', async ({ store }) => {
      const key = newKey()
      const answers = await takeTimes(store, key, 4, { capacity: 3, perSecond: 1 })
      deepEqual(
        answers.map(({ allowed }) => allowed),
        [true, true, true, false],
      )
      deepEqual(
        answers.map(({ remaining }) => remaining),
        [2, 1, 0, 0],
      )
      deepEqual(
        answers.slice(0, 3).map(({ retryAfterMs }) => retryAfterMs),
        [0, 0, 0],
      )
    })

    verify('says when the tokens will be there, and they are', async ({ store, pass }) => {
      const key = newKey()
      const bucket = { capacity: 2, perSecond: 4 }
      const since = performance.now()
      await store.take(key, 2, bucket)
      const refused = await store.take(key, 2, bucket)
      const elapsedMs = performance.now() - since
      equal(refused.allowed, false)
      between(refused.retryAfterMs, 500 - elapsedMs - SLACK_MS, 500 + SLACK_MS)
      await pass(refused.retryAfterMs)
      equal((await store.take(key, 2, bucket)).allowed, true)
    })

    verify('takes nothing when it refuses', async ({ store }) => {
      const key = newKey()
      const bucket = { capacity: 3, perSecond: 0.001 }
      await store.take(key, 1, bucket)
      equal((await store.take(key, 3, bucket)).allowed, false)
      equal((await store.take(key, 2, bucket)).allowed, true)
    })

    verify('never holds more than the capacity', async ({ store, pass }) => {
      const key = newKey()
      const bucket = { capacity: 2, perSecond: 100 }
      await store.take(key, 1, bucket)
      await pass(200)
      equal((await store.take(key, 1, bucket)).remaining, 1)
    })

    verify('keeps keys apart', async ({ store }) => {
      const bucket = { capacity: 1, perSecond: 0.001 }
      const [one, other] = [newKey(), newKey()]
      equal((await store.take(one, 1, bucket)).allowed, true)
      equal((await store.take(one, 1, bucket)).allowed, false)
      equal((await store.take(other, 1, bucket)).allowed, true)
    })

    verify('says Infinity where waiting is in vain', async ({ store }) => {
      const tooMany = await store.take(newKey(), 5, { capacity: 3, perSecond: 1 })
      deepEqual(tooMany, { allowed: false, remaining: 3, retryAfterMs: Number.POSITIVE_INFINITY })
      const key = newKey()
      await store.take(key, 1, { capacity: 1, perSecond: 0 })
      const dry = await store.take(key, 1, { capacity: 1, perSecond: 0 })
      deepEqual(dry, { allowed: false, remaining: 0, retryAfterMs: Number.POSITIVE_INFINITY })
    })

    verify('allows a take of nothing, which shows what is left', async ({ store }) => {
      const key = newKey()
      await store.take(key, 2, { capacity: 5, perSecond: 0.001 })
      deepEqual(await store.take(key, 0, { capacity: 5, perSecond: 0.001 }), { allowed: true, remaining: 3, retryAfterMs: 0 })
    })

    verify('goes on with what it has when the bucket is changed', async ({ store }) => {
      const key = newKey()
      await store.take(key, 1, { capacity: 10, perSecond: 0.001 })
      equal((await store.take(key, 0, { capacity: 4, perSecond: 0.001 })).remaining, 4)
      equal((await store.take(key, 0, { capacity: 10, perSecond: 0.001 })).remaining, 4)
    })

    verify('lets callers side by side have each token once', async ({ store }) => {
      const key = newKey()
      const answers = await Promise.all(Array.from({ length: 50 }, () => store.take(key, 1, { capacity: 10, perSecond: 0.001 })))
      equal(answers.filter(({ allowed }) => allowed).length, 10)
    })
  })
}

async function takeTimes(store: RateLimitStore, key: string, times: number, bucket: TokenBucket): Promise<RateLimitAnswer[]> {
  const answers: RateLimitAnswer[] = []
  for (let time = 0; time < times; time += 1) answers.push(await store.take(key, 1, bucket))
  return answers
}

function between(ms: number, leastMs: number, mostMs: number): void {
  ok(ms >= leastMs && ms <= mostMs, `expected ${leastMs} to ${mostMs} ms, got ${ms}`)
}
