import { TestClock } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'
import { type EndpointSource, type Instance, LoadBalancer, pick, roundRobin } from '../../src/balancing/index.ts'
import {
  bulkhead,
  type Call,
  constantBackoff,
  hedge,
  pipeline,
  retry,
  retryBudget,
  timeout,
  ValidationError,
} from '../../src/index.ts'
import { instances } from './support.ts'

function rigged(options: Partial<ConstructorParameters<typeof LoadBalancer>[0]> = {}) {
  const clock = new TestClock()
  return {
    clock,
    balancer: new LoadBalancer({ instances: instances(3), strategy: roundRobin(), clock, random: () => 0, ...options }),
  }
}
const target = (call: Call): string => (call.target as Instance).id
const inFlight = (balancer: LoadBalancer): number => balancer.instances.reduce((sum, each) => sum + each.inFlight, 0)

describe('pick', () => {
  it('gives the callee an instance, and each retry another', async () => {
    const { clock, balancer } = rigged()
    const seen: string[] = []
    const calls = pipeline([retry({ maxRetries: 2, backoff: constantBackoff({ baseMs: 0 }) }), pick(balancer)], { clock })
    const run = calls.run(async (_, call) => {
      seen.push(target(call))
      throw new Error('down')
    }, undefined)
    await expect(run).rejects.toThrow('down')
    expect(seen.toSorted()).toEqual(['i0', 'i1', 'i2'])
    expect(inFlight(balancer)).toBe(0)
  })

  it('sends a hedge to another instance, also when that is the third', async () => {
    const { clock, balancer } = rigged()
    const seen: string[] = []
    const never = new Promise<never>(() => undefined)
    const calls = pipeline([hedge({ afterMs: 10, maxHedges: 2, budget: retryBudget({ minPerSecond: 9 }) }), pick(balancer)], {
      clock,
    })
    const run = calls.run(async (_, call) => {
      seen.push(target(call))
      return seen.length < 3 ? never : target(call)
    }, undefined)
    await clock.advance(10)
    await clock.advance(10)
    expect(await run).toBe(seen[2])
    expect(new Set(seen).size).toBe(3)
  })

  it('counts a call that timed out against its instance until it has really ended', async () => {
    const { clock, balancer } = rigged()
    const end = Promise.withResolvers<void>()
    const calls = pipeline([pick(balancer), timeout({ ms: 100 })], { clock })
    const run = calls.run(() => end.promise, undefined)
    const outcome = expect(run).rejects.toMatchObject({ code: 'COMM_TIMEOUT' })
    await clock.advance(100)
    await outcome
    expect(inFlight(balancer)).toBe(1)
    end.resolve()
    await clock.advance(0)
    expect(inFlight(balancer)).toBe(0)
  })

  it('does not hold an instance to account for what the caller did wrong', async () => {
    const { clock, balancer } = rigged({ outlierDetection: { consecutiveFailures: 1 } })
    const calls = pipeline([pick(balancer)], { clock })
    for (let call = 0; call < 6; call++) {
      await calls.run(() => Promise.reject(new ValidationError('wrong question')), undefined).catch(() => undefined)
    }
    expect(balancer.instances.some(({ isEjected }) => isEjected)).toBe(false)
    for (let call = 0; call < 6; call++)
      await calls.run(() => Promise.reject(new Error('down')), undefined).catch(() => undefined)
    expect(balancer.instances.some(({ isEjected }) => isEjected)).toBe(true)
  })

  it('gives back what a refusal further in never used', async () => {
    const { clock, balancer } = rigged()
    const calls = pipeline([pick(balancer), bulkhead({ limit: 1 })], { clock })
    const end = Promise.withResolvers<void>()
    const first = calls.run(() => end.promise, undefined)
    await expect(calls.run(() => undefined, undefined)).rejects.toMatchObject({ code: 'COMM_BULKHEAD_FULL' })
    expect(inFlight(balancer)).toBe(1)
    end.resolve()
    await first
    expect(inFlight(balancer)).toBe(0)
  })

  it('chooses by the key that the call has', async () => {
    const { clock, balancer } = rigged({ strategy: (await import('../../src/balancing/index.ts')).consistentHash() })
    const calls = pipeline([pick(balancer, { key: ({ argument }) => String(argument) })], { clock })
    const homes = await Promise.all([1, 2, 1, 2].map((user) => calls.run((_, call) => target(call), user)))
    expect(homes[0]).toBe(homes[2])
    expect(homes[1]).toBe(homes[3])
  })

  describe('when no instance is known yet', () => {
    function lateSource(): EndpointSource & { arrive(): void } {
      const known = Promise.withResolvers<void>()
      let list: readonly Instance[] = []
      return {
        get instances() {
          return list
        },
        isStale: false,
        ready: () => known.promise,
        watch: () => () => undefined,
        arrive() {
          list = instances(1)
          known.resolve()
        },
      }
    }

    it('waits for the first answer of the registry', async () => {
      const source = lateSource()
      const { clock, balancer } = rigged({ instances: source })
      const run = pipeline([pick(balancer)], { clock }).run((_, call) => target(call), undefined)
      source.arrive()
      expect(await run).toBe('i0')
      expect(inFlight(balancer)).toBe(0)
    })

    it.each([0, 1, 2, 3, 4])('keeps no instance for a call that is aborted %s microtasks after the answer', async (turns) => {
      const source = lateSource()
      const { clock, balancer } = rigged({ instances: source })
      const abort = new AbortController()
      const run = pipeline([pick(balancer)], { clock }).run(() => new Promise(() => undefined), undefined, abort.signal)
      const outcome = expect(run).rejects.toThrow('gave up')
      source.arrive()
      for (let turn = 0; turn < turns; turn++) await undefined
      abort.abort(new Error('gave up'))
      await outcome
      await clock.advance(0)
      // What really began is still counted: it never ends here.
      expect(inFlight(balancer)).toBeLessThanOrEqual(1)
      if (turns === 0) expect(inFlight(balancer)).toBe(0)
    })
  })
})
