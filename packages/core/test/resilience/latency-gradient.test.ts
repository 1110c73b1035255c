import { seededRandom } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'
import * as fc from 'fast-check'
import { CONCURRENCY_LIMIT_DEFAULTS, type ResolvedGradient } from '../../src/resilience/concurrency-limit-options.ts'
import { LatencyGradient } from '../../src/resilience/latency-gradient.ts'
import { SEEDED } from './support.ts'

interface Callee {
  workers: number
  readonly serviceMs: () => number
}

/**
 * A callee with a queue, and clients that always have as many calls under way as the limit allows, though never more than `demand`.
 * Simulated without promises, so that minutes pass in no time.
 */
class Simulation {
  readonly gradient: LatencyGradient
  readonly callee: Callee
  #now = 0
  /** Calls being served, the next to end first. */
  readonly #served: { readonly startedAt: number; readonly endsAt: number }[] = []
  readonly #queue: number[] = []
  served = 0
  readonly limits = new Set<number>()

  constructor(callee: Callee, options: Partial<ResolvedGradient> = {}, random = (): number => 0.5) {
    this.callee = callee
    this.gradient = new LatencyGradient({ ...CONCURRENCY_LIMIT_DEFAULTS, ...options }, random, 0)
  }

  get underWay(): number {
    return this.#served.length + this.#queue.length
  }

  run(ms: number, demand = Number.POSITIVE_INFINITY): void {
    const until = this.#now + ms
    for (;;) {
      while (this.underWay < Math.min(demand, this.gradient.limit)) this.#queue.push(this.#now)
      while (this.#served.length < this.callee.workers && this.#queue.length > 0) this.#serve(this.#queue.shift() ?? 0)
      const next = this.#served[0]
      if (next === undefined || next.endsAt > until) break
      this.#served.shift()
      this.#now = next.endsAt
      this.served++
      const running = this.underWay + 1
      this.gradient.observe({ startedAt: next.startedAt, endedAt: this.#now, overloaded: false, running })
      this.limits.add(this.gradient.limit)
    }
    this.#now = until
  }

  #serve(startedAt: number): void {
    const endsAt = this.#now + this.callee.serviceMs()
    const at = this.#served.findIndex((other) => other.endsAt > endsAt)
    this.#served.splice(at === -1 ? this.#served.length : at, 0, { startedAt, endsAt })
  }
}

const always10 = (): number => 10

describe('LatencyGradient', () => {
  it.each([
    [4, 40],
    [100, 40],
    [20, 1],
    [20, 200],
    [2, 5],
  ])('begins at %i and finds that the callee serves %i at once', (initialLimit, workers) => {
    const simulation = new Simulation({ workers, serviceMs: always10 }, { initialLimit })
    simulation.run(15_000)
    expect(simulation.gradient.limit).toBeGreaterThanOrEqual(workers)
    expect(simulation.gradient.limit).toBeLessThanOrEqual(3 * workers + 6)
    // Two at once are the least that is tried.
    expect(simulation.gradient.baselineMs).toBeLessThanOrEqual(10 * Math.max(1, 2 / workers) * 1.1)
  })

  it('lets the callee work at its full rate, also while it looks at lower limits', () => {
    const simulation = new Simulation({ workers: 20, serviceMs: always10 })
    simulation.run(5000)
    simulation.served = 0
    simulation.run(120_000)
    expect(simulation.served / (120_000 * (20 / 10))).toBeGreaterThan(0.99)
  })

  it('does not creep up under an overload that lasts', () => {
    const random = seededRandom(3)
    const simulation = new Simulation({ workers: 5, serviceMs: () => -Math.log(1 - random()) * 50 }, {}, random)
    simulation.run(60_000)
    simulation.limits.clear()
    simulation.run(1_800_000)
    expect(Math.max(...simulation.limits)).toBeLessThanOrEqual(25)
  })

  it('follows a callee that loses half of its workers, and one that gets them back', () => {
    const callee = { workers: 40, serviceMs: always10 }
    const simulation = new Simulation(callee)
    simulation.run(60_000)
    callee.workers = 20
    simulation.run(60_000)
    expect(simulation.gradient.limit).toBeLessThanOrEqual(50)
    callee.workers = 40
    simulation.run(60_000)
    expect(simulation.gradient.limit).toBeGreaterThanOrEqual(40)
    expect(simulation.gradient.limit).toBeLessThanOrEqual(100)
  })

  it('takes a callee that became slower for what it is now, after the next probe', () => {
    let ms = 10
    const simulation = new Simulation({ workers: 20, serviceMs: () => ms })
    simulation.run(60_000)
    ms = 100
    simulation.run(120_000)
    expect(simulation.gradient.baselineMs).toBeGreaterThanOrEqual(100)
    expect(simulation.gradient.limit).toBeGreaterThanOrEqual(20)
  })

  it('does not change while nobody asks for more', () => {
    const simulation = new Simulation({ workers: 100, serviceMs: always10 })
    simulation.run(60_000, 5)
    expect(simulation.limits).toEqual(new Set([20]))
  })

  it('goes on when a probe gets no answer', () => {
    const gradient = new LatencyGradient({ ...CONCURRENCY_LIMIT_DEFAULTS, windowCalls: 2 }, () => 0.5, 0)
    for (const endedAt of [50, 120]) gradient.observe({ startedAt: 0, endedAt, overloaded: false, running: 20 })
    expect(gradient.limit).toBeLessThan(20)
    gradient.tick(100_000)
    expect(gradient.limit).toBeGreaterThanOrEqual(15)
  })

  it('says an integer within its bounds, whatever it is told', () => {
    const observation = fc.record({
      gapMs: fc.double({ min: 0, max: 200, noNaN: true }),
      tookMs: fc.double({ min: 0, max: 1e6, noNaN: true }),
      overloaded: fc.boolean(),
      running: fc.integer({ min: 1, max: 100 }),
    })
    const options = fc.record({
      minLimit: fc.integer({ min: 1, max: 5 }),
      maxLimit: fc.integer({ min: 5, max: 50 }),
      initialLimit: fc.constant(5),
      windowMs: fc.integer({ min: 0, max: 100 }),
      windowCalls: fc.integer({ min: 1, max: 10 }),
      tolerance: fc.double({ min: 1, max: 5, noNaN: true }),
      smoothing: fc.double({ min: 0.01, max: 1, noNaN: true }),
      backoff: fc.double({ min: 0.01, max: 1, noNaN: true }),
      probeIntervalMs: fc.constantFrom(1, 100, Number.POSITIVE_INFINITY),
    })
    void fc.assert(
      fc.property(options, fc.array(observation, { maxLength: 300 }), fc.nat(), (given, observations, seed): void => {
        const gradient = new LatencyGradient(given, seededRandom(seed), 0)
        let now = 0
        for (const { gapMs, tookMs, overloaded, running } of observations) {
          now += gapMs
          gradient.observe({ startedAt: now - tookMs, endedAt: now, overloaded, running })
          expect(Number.isInteger(gradient.limit)).toBe(true)
          expect(gradient.limit).toBeGreaterThanOrEqual(given.minLimit)
          expect(gradient.limit).toBeLessThanOrEqual(given.maxLimit)
          expect(gradient.baselineMs).not.toBeNaN()
        }
      }),
      SEEDED,
    )
  })
})
