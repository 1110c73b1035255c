import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import {
  consistentHash,
  leastConnections,
  leastResponseTime,
  powerOfTwoChoices,
  randomChoice,
  roundRobin,
  type StrategyFactory,
  weightedRandom,
  weightedRoundRobin,
} from '../../src/balancing/index.ts'
import { instances, rig, tally } from './support.ts'

const SEEDED = { seed: 20261126, numRuns: 50 } as const
const ALL: readonly StrategyFactory[] = [
  roundRobin(),
  weightedRoundRobin(),
  randomChoice(),
  weightedRandom(),
  leastConnections(),
  leastResponseTime(),
  powerOfTwoChoices(),
  consistentHash(),
]
const weights = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 12 })

describe.each(ALL.map((strategy) => [strategy.name, strategy] as const))('%s', (_, strategy) => {
  it('chooses one that there is, counts it while it runs, and leaves nothing in flight', () => {
    fc.assert(
      fc.property(weights, fc.array(fc.nat(), { maxLength: 200 }), fc.nat(), (given, steps, seed) => {
        const { balancer } = rig(strategy, { instances: instances(given.length, (at) => ({ weight: given[at] ?? 1 })) }, seed)
        const running: ReturnType<typeof balancer.acquire>[] = []
        for (const step of steps) {
          const over = step % 3 === 0 ? running.splice(step % (running.length || 1), 1)[0] : undefined
          if (over === undefined) running.push(balancer.acquire(`k${step}`))
          else balancer.release(over)
          const inFlight = balancer.instances.reduce((sum, each) => sum + each.inFlight, 0)
          expect(inFlight).toBe(running.length)
        }
        for (const candidate of running) balancer.release(candidate)
        expect(balancer.instances.every(({ inFlight }) => inFlight === 0)).toBe(true)
      }),
      SEEDED,
    )
  })

  it('sends a retry to an instance where the call has not been, and anywhere once it has been everywhere', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.nat(), (count, seed) => {
        const { balancer } = rig(strategy, { instances: instances(count) }, seed)
        const tried = new Set<string>()
        for (let attempt = 0; attempt < count; attempt++) {
          const { id } = balancer.acquire('key', tried).instance
          expect(tried.has(id)).toBe(false)
          tried.add(id)
        }
        expect(tried.has(balancer.acquire('key', tried).instance.id)).toBe(true)
      }),
      SEEDED,
    )
  })

  it('keeps choosing while instances come and go', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 10 }), fc.nat(), (counts, seed) => {
        let changed: () => void = () => undefined
        const source = {
          instances: instances(1),
          isStale: false,
          ready: () => Promise.resolve(),
          watch(onChange: () => void) {
            changed = onChange
            return () => undefined
          },
        }
        const { balancer } = rig(strategy, { instances: source }, seed)
        for (const count of counts) {
          source.instances = instances(count)
          changed()
          const held = balancer.acquire('k')
          expect(source.instances.map(({ id }) => id)).toContain(held.instance.id)
          expect(balancer.instances).toHaveLength(count)
          balancer.release(held)
        }
      }),
      SEEDED,
    )
  })
})

describe('distributions', () => {
  it('round robin gives each the same, whatever the weights', () => {
    const { balancer } = rig(roundRobin(), { instances: instances(7, (at) => ({ weight: 1 + at })) })
    expect(new Set(tally(balancer, 700).values())).toEqual(new Set([100]))
  })

  it('weighted round robin gives each exactly its weight in every round', () => {
    fc.assert(
      fc.property(weights, fc.nat(), (given, seed) => {
        const { balancer } = rig(
          weightedRoundRobin(),
          { instances: instances(given.length, (at) => ({ weight: given[at] ?? 1 })) },
          seed,
        )
        const total = given.reduce((sum, weight) => sum + weight, 0)
        const counts = tally(balancer, 3 * total)
        for (const [at, weight] of given.entries()) expect(counts.get(`i${at}`)).toBe(3 * weight)
      }),
      SEEDED,
    )
  })

  it('weighted round robin spreads evenly: nobody is ever far ahead of its share, or behind', () => {
    const given = [5, 1, 1]
    const { balancer } = rig(weightedRoundRobin(), { instances: instances(3, (at) => ({ weight: given[at] ?? 1 })) })
    const order = Array.from({ length: 70 }, () => {
      const candidate = balancer.acquire()
      balancer.release(candidate)
      return candidate.instance.id
    })
    for (let length = 1; length <= order.length; length++) {
      const heavy = order.slice(0, length).filter((id) => id === 'i0').length
      expect(Math.abs(heavy - (length * 5) / 7)).toBeLessThan(1.5)
    }
  })

  it('weights that are no whole numbers are heeded within a thousandth', () => {
    const { balancer } = rig(weightedRoundRobin(), { instances: instances(3, (at) => ({ weight: [0.1, 0.25, 0.65][at] ?? 1 })) })
    const counts = tally(balancer, 100_000)
    expect((counts.get('i0') ?? 0) / 100_000).toBeCloseTo(0.1, 2)
    expect((counts.get('i2') ?? 0) / 100_000).toBeCloseTo(0.65, 2)
  })

  it.each([
    ['random', randomChoice(), [1, 1, 1, 1]],
    ['weighted random', weightedRandom(), [1, 2, 3, 4]],
    ['power of two choices', powerOfTwoChoices(), [1, 1, 1, 1]],
  ] as const)('%s: within five standard deviations of what is expected', (_, strategy, given) => {
    const calls = 40_000
    const { balancer } = rig(strategy, { instances: instances(given.length, (at) => ({ weight: given[at] ?? 1 })) }, 7)
    const counts = tally(balancer, calls)
    const total = given.reduce((sum, weight) => sum + weight, 0)
    for (const [at, weight] of given.entries()) {
      const share = weight / total
      const deviation = Math.sqrt(calls * share * (1 - share))
      expect(Math.abs((counts.get(`i${at}`) ?? 0) - calls * share)).toBeLessThan(5 * deviation)
    }
  })

  it('least connections keeps the loads, by weight, within one call of each other', () => {
    const { balancer } = rig(leastConnections(), { instances: instances(4, (at) => ({ weight: 1 + (at % 2) })) })
    for (let call = 0; call < 60; call++) balancer.acquire()
    expect(balancer.instances.map(({ inFlight }) => inFlight)).toEqual([10, 20, 10, 20])
  })

  it('power of two choices is far more even than chance', () => {
    const spread = (strategy: StrategyFactory): number => {
      const { balancer } = rig(strategy, { instances: instances(50) }, 3)
      for (let call = 0; call < 5000; call++) balancer.acquire()
      const loads = balancer.instances.map(({ inFlight }) => inFlight)
      return Math.max(...loads) - Math.min(...loads)
    }
    expect(spread(powerOfTwoChoices())).toBeLessThan(spread(randomChoice()) / 5)
  })

  it('least response time sends the calls to the fast, and comes back to one that was slow', async () => {
    const { balancer, clock } = rig(leastResponseTime({ decayMs: 1000 }), { outlierDetection: false })
    const slow = { i0: 10, i1: 10, i2: 500 }
    const one = (times: Readonly<Record<string, number>>): string => {
      const candidate = balancer.acquire()
      const { id } = candidate.instance
      balancer.report(candidate, 'success', times[id] ?? 0)
      balancer.release(candidate)
      return id
    }
    const first = Array.from({ length: 100 }, () => one(slow))
    expect(first.filter((id) => id === 'i2')).toHaveLength(1)
    // What is known of it fades like what is known of the others, which are measured anew all the time.
    const later: string[] = []
    for (let tick = 0; tick < 60; tick++) {
      await clock.advance(100)
      later.push(one({ i0: 10, i1: 10, i2: 10 }))
    }
    expect(later).toContain('i2')
  })

  it('least response time gives one that has not answered yet a single call while there is a choice', () => {
    const { balancer } = rig(leastResponseTime(), { instances: instances(2) })
    const first = balancer.acquire()
    const fast = balancer.acquire()
    balancer.report(fast, 'success', 20)
    balancer.release(fast)
    for (let call = 0; call < 20; call++) balancer.acquire()
    expect(balancer.instances.find(({ instance }) => instance === first.instance)?.inFlight).toBe(1)
  })

  it('least response time takes a quick failure for a slow answer', () => {
    const { balancer } = rig(leastResponseTime(), { outlierDetection: false, instances: instances(2) })
    const counts = { i0: 0, i1: 0 } as Record<string, number>
    for (let call = 0; call < 100; call++) {
      const candidate = balancer.acquire()
      const { id } = candidate.instance
      counts[id] = (counts[id] ?? 0) + 1
      balancer.report(candidate, id === 'i0' ? 'failure' : 'success', id === 'i0' ? 1 : 50)
      balancer.release(candidate)
    }
    expect(counts.i0).toBe(1)
  })
})

describe('consistent hash', () => {
  const homes = (count: number, keys: number): Map<string, string> => {
    const { balancer } = rig(consistentHash({ loadFactor: Number.POSITIVE_INFINITY }), { instances: instances(count) })
    const all = new Map<string, string>()
    for (let key = 0; key < keys; key++) {
      const candidate = balancer.acquire(`user-${key}`)
      all.set(`user-${key}`, candidate.instance.id)
      balancer.release(candidate)
    }
    return all
  }

  it('has one home for each key, in every process', () => {
    expect(homes(10, 500)).toEqual(homes(10, 500))
  })

  it('moves only the keys of an instance that goes, and about their share to one that comes', () => {
    const ten = homes(10, 5000)
    const eleven = homes(11, 5000)
    const moved = [...ten].filter(([key, home]) => eleven.get(key) !== home)
    expect(moved.every(([key]) => eleven.get(key) === 'i10')).toBe(true)
    expect(moved.length / 5000).toBeGreaterThan(0.05)
    expect(moved.length / 5000).toBeLessThan(0.15)
  })

  it('gives each about its share of the keys', () => {
    const counts = new Map<string, number>()
    for (const home of homes(10, 20_000).values()) counts.set(home, (counts.get(home) ?? 0) + 1)
    for (const count of counts.values()) {
      expect(count).toBeGreaterThan(1200)
      expect(count).toBeLessThan(2800)
    }
  })

  it('gives nobody more than the bound, however popular the key', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 20 }), fc.integer({ min: 1, max: 300 }), (count, calls) => {
        const { balancer } = rig(consistentHash({ loadFactor: 1.25 }), { instances: instances(count) })
        for (let call = 0; call < calls; call++) balancer.acquire('the same')
        const most = Math.max(...balancer.instances.map(({ inFlight }) => inFlight))
        expect(most).toBeLessThanOrEqual(Math.ceil((calls / count) * 1.25))
      }),
      SEEDED,
    )
  })
})
