import { concurrencyLimit, pipeline, type Stage, timeout } from '@comm/core'
import { seededRandom } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'
import { SimulatedServer } from './simulation/server.ts'
import { TestClock } from './support.ts'

const WORKERS = 10
const SERVICE_MS = 20
const PER_SECOND = (WORKERS * 1000) / SERVICE_MS
const SECONDS = 10

interface Result {
  /** Answers in time, as a share of what the server can serve. */
  readonly goodput: number
  readonly p99Ms: number
}

/** Clients that wait for 200 ms ask a server three times as often as it can answer, at random times. */
async function overload(serviceMs: (random: () => number) => number, outside: readonly Stage[]): Promise<Result> {
  const clock = new TestClock()
  const random = seededRandom(7)
  const server = new SimulatedServer({ clock, workers: WORKERS, serviceMs: () => serviceMs(random) })
  const guarded = pipeline([...outside, timeout({ ms: 10 * SERVICE_MS })], { clock })
  const took: number[] = []
  const arrive = (): void => {
    if (clock.now() >= SECONDS * 1000) return
    const startedAt = clock.now()
    guarded.run(server.handle, undefined).then(
      () => took.push(clock.now() - startedAt),
      () => {},
    )
    clock.setTimer((-Math.log(1 - random()) * 1000) / (3 * PER_SECOND), arrive)
  }
  arrive()
  await clock.advance(SECONDS * 1000)
  took.sort((one, other) => one - other)
  return {
    goodput: took.length / (SECONDS * PER_SECOND),
    p99Ms: took[Math.floor(took.length * 0.99)] ?? Number.POSITIVE_INFINITY,
  }
}

const always = (): number => SERVICE_MS
const exponential = (random: () => number): number => -Math.log(1 - random()) * SERVICE_MS

describe('three times more calls than the callee can serve', () => {
  it('make it collapse: it works for callers that have given up', async () => {
    const { goodput } = await overload(always, [])
    expect(goodput).toBeLessThan(0.1)
  })

  it.each([
    ['alike', always],
    ['of very different lengths', exponential],
  ])(
    'leave it at its full rate behind a concurrencyLimit, calls %s',
    async (_, serviceMs) => {
      const { goodput, p99Ms } = await overload(serviceMs, [concurrencyLimit({ random: seededRandom(1) })])
      expect(goodput).toBeGreaterThan(0.95)
      expect(p99Ms).toBeLessThan(9 * SERVICE_MS)
    },
    30_000,
  )

  it('and also when some of them wait in a queue that sheds', async () => {
    const limit = concurrencyLimit({ random: seededRandom(1), maxQueue: 200, maxQueueMs: 60, overloadQueueMs: 5 })
    const { goodput, p99Ms } = await overload(exponential, [limit])
    expect(goodput).toBeGreaterThan(0.95)
    expect(p99Ms).toBeLessThan(9 * SERVICE_MS)
  })
})
