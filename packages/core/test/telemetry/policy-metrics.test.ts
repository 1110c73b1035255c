import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  breaker,
  bulkhead,
  concurrencyLimit,
  constantBackoff,
  fallback,
  pipeline,
  rateLimit,
  retry,
  retryBudget,
  timeout,
} from '@comm/core'
import { measurePolicies } from '@comm/core/telemetry'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { COUNTERS, GAUGES, QUEUE_DURATION } from '../../src/telemetry/policy-metrics.ts'
import { after, TestClock } from '../resilience/support.ts'
import { type Metered, startSdk } from './collect.ts'

let sdk: Metered | undefined
let stop: () => void
let clock: TestClock
beforeEach(() => {
  clock = new TestClock()
  stop = measurePolicies()
})
afterEach(async () => {
  stop()
  await sdk?.stop()
  sdk = undefined
})

const down = async (): Promise<never> => {
  throw new Error('down')
}

describe('measurePolicies', () => {
  it('counts what policies do, and reads how they are', async () => {
    sdk = startSdk()
    const guard = breaker({ name: 'users', consecutiveFailures: 2 })
    const budget = retryBudget({ minPerSecond: 5, ratio: 0, clock })
    const slots = bulkhead({ name: 'users', limit: 1, maxQueue: 1 })
    const guarded = pipeline(
      [
        fallback(() => 'instead', { name: 'users' }),
        retry({ name: 'users', maxRetries: 1, backoff: constantBackoff({ baseMs: 0 }), budget }),
        guard,
        rateLimit({ name: 'users', perSecond: 1, burst: 5 }),
        slots,
        timeout({ name: 'users', ms: 50 }),
      ],
      { clock },
    )
    const runs = [1, 2, 3].map(() => guarded.run(() => after(clock, 20), undefined))
    await clock.advance(20)
    const underWay = await sdk.collect()
    await clock.advance(100)
    await Promise.all(runs)
    const failing = guarded.run(down, undefined)
    await clock.advance(10)
    await failing
    const refused = guarded.run(down, undefined)
    await clock.advance(10)
    await refused

    const users = (type: string) => ({ 'comm.policy.type': type, 'comm.policy.name': 'users' })
    expect(underWay['comm.policy.running']).toContainEqual({ ...users('bulkhead'), value: 1 })
    expect(underWay['comm.policy.limit']).toContainEqual({ ...users('bulkhead'), value: 1 })
    const measured = await sdk.collect()
    expect(measured).toMatchObject({
      'comm.retry.retries': [{ ...users('retry'), value: 1 }],
      'comm.retry.give_ups': [{ ...users('retry'), value: 1, 'comm.policy.reason': 'max-retries' }],
      'comm.breaker.state_changes': [{ ...users('breaker'), value: 1, 'comm.breaker.state': 'open' }],
      'comm.breaker.state': expect.arrayContaining([{ ...users('breaker'), value: 1, 'comm.breaker.state': 'open' }]),
      'comm.policy.rejections': expect.arrayContaining([
        { ...users('bulkhead'), value: 1, 'comm.policy.reason': 'limit' },
        { ...users('breaker'), value: 1, 'comm.policy.reason': 'open' },
      ]),
      'comm.policy.queue.duration': [{ ...users('bulkhead'), value: 0.02 }],
      'comm.fallback.answers': [{ ...users('fallback'), value: 3 }],
      'comm.retry.budget': [{ ...users('retry'), value: expect.closeTo(4.7) }],
    })
    expect(guard.state).toBe('open')
  })

  it('counts timeouts, rates and adaptive limits', async () => {
    sdk = startSdk()
    const limit = concurrencyLimit({ name: 'slow', windowCalls: 1, windowMs: 0 })
    const guarded = pipeline([limit, rateLimit({ name: 'slow', perSecond: 1 }), timeout({ name: 'slow', ms: 5 })], { clock })
    for (let call = 0; call < 2; call++) {
      const run = guarded.run(() => after(clock, 10), undefined).catch(() => {})
      await clock.advance(10)
      await run
    }
    expect(await sdk.collect()).toMatchObject({
      'comm.timeout.timeouts': [{ 'comm.policy.name': 'slow', value: 1 }],
      'comm.policy.limit_changes': [{ 'comm.policy.name': 'slow', value: expect.any(Number) }],
      'comm.policy.rejections': [{ 'comm.policy.type': 'rateLimit', 'comm.policy.reason': 'rate', value: 1 }],
      'comm.policy.limit': expect.arrayContaining([
        expect.objectContaining({ 'comm.policy.name': 'slow', 'comm.policy.type': 'concurrencyLimit', value: limit.limit }),
      ]),
    })
  })

  it('adds up what policies of one name show, and counts a shared budget once', async () => {
    sdk = startSdk()
    measurePolicies()()
    const budget = retryBudget({ minPerSecond: 7, clock })
    const pipelines = [1, 2].map(() =>
      pipeline([retry({ name: 'twice', budget }), bulkhead({ name: 'twice', limit: 3 })], { clock }),
    )
    const measured = await sdk.collect()
    const of = (name: string) => measured[name]?.filter((point) => point['comm.policy.name'] === 'twice')
    expect(of('comm.policy.limit')).toMatchObject([{ value: 6 }])
    expect(of('comm.retry.budget')).toMatchObject([{ value: 7 }])
    expect(pipelines).toHaveLength(2)
  })

  it('follows an SDK that starts later, and the next one', async () => {
    const guarded = pipeline([breaker({ name: 'late' }), timeout({ name: 'late', ms: 5 })], { clock })
    const time = async (): Promise<void> => {
      const run = guarded.run(() => after(clock, 10), undefined).catch(() => {})
      await clock.advance(10)
      await run
    }
    await time()
    for (let restart = 0; restart < 2; restart++) {
      sdk = startSdk()
      await guarded.run(() => 1, undefined)
      expect((await sdk.collect())['comm.breaker.state']).toContainEqual(
        expect.objectContaining({ 'comm.policy.name': 'late', 'comm.breaker.state': 'closed', value: 1 }),
      )
      await time()
      expect((await sdk.collect())['comm.timeout.timeouts']).toMatchObject([{ value: 1 }])
      await sdk.stop()
    }
  })

  it('counts once for several parties, and ends when the last has ended it', async () => {
    sdk = startSdk()
    const again = measurePolicies()
    const guarded = pipeline([fallback(() => 1, { name: 'shared' })], { clock })
    await guarded.run(down, undefined)
    again()
    again()
    await guarded.run(down, undefined)
    expect((await sdk.collect())['comm.fallback.answers']).toMatchObject([{ value: 2 }])
    stop()
    await guarded.run(down, undefined)
    expect((await sdk.collect())['comm.fallback.answers']).toMatchObject([{ value: 2 }])
    stop = measurePolicies()
  })

  it('costs a call nothing while there is no SDK', async () => {
    const guarded = pipeline([fallback(() => 1)], { clock })
    await expect(guarded.run(down, undefined)).resolves.toBe(1)
  })
})

describe('docs/resilience.md', () => {
  it('lists every instrument', () => {
    const document = readFileSync(join(import.meta.dirname, '../../../../docs/resilience.md'), 'utf8')
    const documented = [...document.matchAll(/^\| `(comm\.[a-z_.]+)` \| `?([^|`]+)`? \| ([^|]+) \|/gm)].map(
      ([, name, unit, says]) => [name, unit?.trim(), says?.trim()],
    )
    const all = [...Object.values(COUNTERS), QUEUE_DURATION, ...Object.values(GAUGES)]
    expect(documented).toEqual(all.map(({ name, unit, description }) => [name, unit, description.replace(/\.$/, '')]))
  })
})
