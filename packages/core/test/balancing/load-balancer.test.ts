import { describe, expect, it } from '@jest/globals'
import {
  type InstanceEvent,
  type LoadBalancer,
  leastConnections,
  roundRobin,
  staticEndpoints,
  weightedRandom,
  weightedRoundRobin,
} from '../../src/balancing/index.ts'
import { CommunicationError, ServiceUnavailableError } from '../../src/index.ts'
import { instances, rig, tally } from './support.ts'

/** One call at each instance, which fails where it is said. */
function round(balancer: LoadBalancer, failing: ReadonlySet<string>, calls = 3): void {
  for (let call = 0; call < calls; call++) {
    const candidate = balancer.acquire()
    balancer.report(candidate, failing.has(candidate.instance.id) ? 'failure' : 'success', 1)
    balancer.release(candidate)
  }
}
const changes = (events: readonly InstanceEvent[]): string[] => events.map(({ instance, change }) => `${instance.id} ${change}`)

describe('outlier detection', () => {
  it('puts an instance aside that fails again and again, and takes it back later, each time much later', async () => {
    const events: InstanceEvent[] = []
    const { balancer, clock } = rig(roundRobin(), {
      outlierDetection: { consecutiveFailures: 3, ejectionMs: 1000 },
      onChange: (event) => events.push(event),
    })
    const bad = new Set(['i1'])
    for (let each = 0; each < 3; each++) round(balancer, bad)
    expect(changes(events)).toEqual(['i1 ejected'])
    expect(tally(balancer, 100).has('i1')).toBe(false)
    await clock.advance(999)
    expect(tally(balancer, 100).has('i1')).toBe(false)
    await clock.advance(1)
    expect(tally(balancer, 99).get('i1')).toBe(33)
    for (let each = 0; each < 3; each++) round(balancer, bad)
    await clock.advance(1999)
    expect(tally(balancer, 100).has('i1')).toBe(false)
    await clock.advance(1)
    expect(tally(balancer, 99).get('i1')).toBe(33)
    expect(changes(events)).toEqual(['i1 ejected', 'i1 readmitted', 'i1 ejected', 'i1 readmitted'])
  })

  it('judges by the share of failures of an interval, too', () => {
    const { balancer } = rig(roundRobin(), {
      outlierDetection: { consecutiveFailures: Number.POSITIVE_INFINITY, failureRatio: 0.4, minimumCalls: 10 },
    })
    for (let call = 0; call < 60; call++) {
      const candidate = balancer.acquire()
      balancer.report(candidate, candidate.instance.id === 'i2' && call % 6 < 3 ? 'failure' : 'success', 1)
      balancer.release(candidate)
    }
    expect(balancer.instances.map(({ isEjected }) => isEjected)).toEqual([false, false, true])
  })

  it('never puts more aside than it may, and ignores what says nothing', () => {
    const { balancer } = rig(roundRobin(), {
      instances: instances(4),
      outlierDetection: { consecutiveFailures: 1, maxEjectedRatio: 0.5 },
      panicThreshold: 0,
    })
    for (let call = 0; call < 20; call++) {
      const candidate = balancer.acquire()
      balancer.report(candidate, 'ignore', 1)
      balancer.release(candidate)
    }
    expect(balancer.instances.some(({ isEjected }) => isEjected)).toBe(false)
    round(balancer, new Set(['i0', 'i1', 'i2', 'i3']), 20)
    expect(balancer.instances.filter(({ isEjected }) => isEjected)).toHaveLength(2)
  })
})

describe('panic', () => {
  it('calls all when too few could be called', () => {
    const { balancer } = rig(roundRobin(), {
      instances: instances(4),
      outlierDetection: { consecutiveFailures: 1, maxEjectedRatio: 1 },
      panicThreshold: 0.5,
    })
    round(balancer, new Set(['i0', 'i1']), 4)
    expect(tally(balancer, 100).size).toBe(2)
    round(balancer, new Set(['i2']), 4)
    expect(tally(balancer, 100).size).toBe(4)
  })
})

describe('active health checks', () => {
  it('call no instance that fails them, until it passes them again; a probe that hangs has failed', async () => {
    const events: InstanceEvent[] = []
    const ill = new Map<string, () => Promise<void>>()
    const { balancer, clock } = rig(roundRobin(), {
      healthCheck: {
        probe: ({ id }) => ill.get(id)?.() ?? Promise.resolve(),
        intervalMs: 1000,
        timeoutMs: 100,
        unhealthyAfter: 2,
        healthyAfter: 2,
      },
      onChange: (event) => events.push(event),
    })
    balancer.start()
    await clock.advance(0)
    ill.set('i0', () => Promise.reject(new Error('down')))
    ill.set('i1', () => new Promise(() => undefined))
    await clock.advance(4000)
    expect(changes(events).toSorted()).toEqual(['i0 unhealthy', 'i1 unhealthy'])
    // One of three is below the panic threshold.
    expect(tally(balancer, 99).size).toBe(3)
    ill.delete('i0')
    await clock.advance(4000)
    expect(tally(balancer, 100).has('i1')).toBe(false)
    expect(tally(balancer, 100).size).toBe(2)
    balancer.close()
    await clock.advance(10_000)
    expect(clock.pendingTimers).toBe(0)
  })

  it('follow the list: a new instance is checked, one that went is not', async () => {
    const asked: string[] = []
    const source = staticEndpoints(['a:1'])
    const { balancer, clock } = rig(roundRobin(), {
      instances: source,
      healthCheck: { probe: async ({ id }) => void asked.push(id), intervalMs: 1000 },
    })
    balancer.start()
    source.replace(['b:1'])
    await clock.advance(2500)
    expect(asked[0]).toBe('a:1')
    expect(asked.slice(1).every((id) => id === 'b:1')).toBe(true)
    expect(asked.length).toBeGreaterThan(2)
    balancer.close()
    await clock.advance(5000)
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('zones', () => {
  const zoned = instances(6, (at) => ({ zone: at < 3 ? 'here' : 'there' }))

  it('prefers its own while enough of it can be called', () => {
    const { balancer } = rig(roundRobin(), {
      instances: zoned,
      zone: 'here',
      zoneHealthyRatio: 0.6,
      outlierDetection: { consecutiveFailures: 1, maxEjectedRatio: 1 },
      panicThreshold: 0.1,
    })
    expect([...tally(balancer, 99).keys()].toSorted()).toEqual(['i0', 'i1', 'i2'])
    round(balancer, new Set(['i0']), 3)
    expect([...tally(balancer, 99).keys()].toSorted()).toEqual(['i1', 'i2'])
    round(balancer, new Set(['i1']), 2)
    expect([...tally(balancer, 99).keys()].toSorted()).toEqual(['i2', 'i3', 'i4', 'i5'])
  })

  it('goes elsewhere when nobody is in its own', () => {
    const { balancer } = rig(roundRobin(), { instances: zoned, zone: 'nowhere' })
    expect(tally(balancer, 60).size).toBe(6)
  })
})

describe('slow start', () => {
  it.each([
    ['weighted round robin', weightedRoundRobin()],
    ['weighted random', weightedRandom()],
  ])('%s: the share of a new instance grows', async (_, strategy) => {
    const source = staticEndpoints(['a:1', 'b:1'])
    const { balancer, clock } = rig(strategy, { instances: source, slowStartMs: 10_000 })
    expect(tally(balancer, 1000).get('b:1')).toBeGreaterThan(400)
    source.replace(['a:1', 'b:1', 'c:1'])
    const shares: number[] = []
    for (let at = 0; at < 3; at++) {
      shares.push((tally(balancer, 3000).get('c:1') ?? 0) / 3000)
      await clock.advance(5000)
    }
    expect(shares[0]).toBeLessThan(0.08)
    expect(shares[1]).toBeGreaterThan(0.15)
    expect(shares[1]).toBeLessThan(0.28)
    expect(shares[2]).toBeGreaterThan(0.3)
  })

  it('least connections: a new one, though idle, is not flooded', async () => {
    const source = staticEndpoints(['a:1', 'b:1'])
    const { balancer, clock } = rig(leastConnections(), { instances: source, slowStartMs: 10_000 })
    for (let call = 0; call < 20; call++) balancer.acquire()
    source.replace(['a:1', 'b:1', 'c:1'])
    for (let call = 0; call < 10; call++) balancer.acquire()
    const loadOf = (id: string): number => balancer.instances.find(({ instance }) => instance.id === id)?.inFlight ?? 0
    expect(loadOf('c:1')).toBeLessThanOrEqual(2)
    await clock.advance(10_000)
    for (let call = 0; call < 12; call++) balancer.acquire()
    expect(loadOf('c:1')).toBeGreaterThan(10)
  })
})

describe('instances that come and go', () => {
  it('keeps what it knows of those that stay, though the list is told anew', () => {
    const source = staticEndpoints(['a:1', 'b:1'])
    const { balancer } = rig(roundRobin(), { instances: source, outlierDetection: { consecutiveFailures: 1 } })
    const held = balancer.acquire()
    round(balancer, new Set(['b:1']), 2)
    source.replace(['a:1', 'b:1', 'c:1'])
    expect(balancer.instances.map(({ isEjected }) => isEjected)).toEqual([false, true, false])
    expect(balancer.instances.reduce((sum, { inFlight }) => sum + inFlight, 0)).toBe(1)
    balancer.release(held)
    expect(balancer.instances.every(({ inFlight }) => inFlight === 0)).toBe(true)
  })

  it('says that there is none', () => {
    const { balancer } = rig(roundRobin(), { instances: [], name: 'orders' })
    expect(() => balancer.acquire()).toThrow(ServiceUnavailableError)
    expect(() => balancer.acquire()).toThrow('orders has no instance to call: none is registered')
    balancer.close()
    expect(() => balancer.acquire()).toThrow(CommunicationError)
  })
})
