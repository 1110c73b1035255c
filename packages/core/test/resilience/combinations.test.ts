import {
  type Bulkhead,
  breaker,
  bulkhead,
  type Callee,
  chaos,
  concurrencyLimit,
  constantBackoff,
  fallback,
  hedge,
  type Keyed,
  keyed,
  pipeline,
  rateLimit,
  retry,
  retryBudget,
  type Stage,
  timeout,
} from '@comm/core'
import { describe, expect, it } from '@jest/globals'
import { after, afterOrAbort, expectNothingLeft, TestClock, watch } from './support.ts'

/** Turns chaos off. */
let isCalm = false

const STAGES: Readonly<Record<string, () => Stage>> = {
  retry: () => retry({ maxRetries: 2, backoff: constantBackoff({ baseMs: 20, jitter: 0 }) }),
  breaker: () => breaker({ consecutiveFailures: 2, openMs: 30 }),
  timeout: () => timeout({ ms: 50 }),
  bulkhead: () => bulkhead({ limit: 1, maxQueue: 1 }),
  'bulkhead that sheds': () => bulkhead({ limit: 1, maxQueue: 2, maxQueueMs: 30, overloadQueueMs: 5, priority: () => 1 }),
  concurrencyLimit: () => concurrencyLimit({ initialLimit: 1, minLimit: 1, maxQueue: 1, windowMs: 5, windowCalls: 1 }),
  rateLimit: () => rateLimit({ perSecond: 50, burst: 2, maxWaitMs: 40 }),
  'keyed breaker': () => keyed(() => breaker({ consecutiveFailures: 2, openMs: 30 })),
  'keyed bulkhead': () => keyed(() => bulkhead({ limit: 1, maxQueue: 1 }), { maxKeys: 1 }),
  chaos: () =>
    chaos({
      enabled: () => !isCalm,
      seed: 1,
      latency: { rate: 0.5, ms: 10 },
      fault: { rate: 0.2 },
      outcome: { rate: 0.2, value: 'made up' },
    }),
  fallback: () => fallback(async (error) => ({ instead: error })),
  hedge: () => hedge({ afterMs: 10, maxHedges: 2, budget: retryBudget({ ratio: 1 }) }),
  around: () => ({ name: 'around', around: (_call, _at, runInside) => runInside() }),
  'slow enter and leave': () => ({
    name: 'slow',
    enter: (call) => afterOrAbort(call.clock as TestClock, 5, call.signal),
    leave: (call) => (call.signal.aborted ? undefined : afterOrAbort(call.clock as TestClock, 5, call.signal)),
  }),
}

const CALLEES: Readonly<Record<string, (clock: TestClock) => Callee<AbortController, unknown>>> = {
  'succeeds at once': () => () => 1,
  succeeds: (clock) => () => after(clock, 5),
  'fails at once': () => () => {
    throw new Error('failed')
  },
  fails: (clock) => async () => {
    await after(clock, 5)
    throw new Error('failed')
  },
  'is slow and heeds its signal': (clock) => (_, call) => afterOrAbort(clock, 500, call.signal),
  'is slow and ignores its signal': (clock) => () => after(clock, 500),
  'is aborted': (clock) => async (stopping, call) => {
    clock.setTimer(3, () => stopping.abort(new Error('stop')))
    await afterOrAbort(clock, 500, call.signal)
  },
  'is aborted and ignores it': (clock) => async (stopping) => {
    clock.setTimer(3, () => stopping.abort(new Error('stop')))
    await after(clock, 500)
  },
  'aborts at once': () => (stopping) => stopping.abort(new Error('stop')),
}

const pairs = Object.keys(STAGES).flatMap((outer) => Object.keys(STAGES).map((inner) => [outer, inner] as const))

describe('two stages leave no slot, timer, listener or promise behind', () => {
  it.each(pairs)('%s around %s', async (outer, inner) => {
    for (const [name, makeCallee] of Object.entries(CALLEES)) {
      isCalm = false
      const clock = new TestClock()
      const stages = [STAGES[outer]!(), STAGES[inner]!()]
      const guarded = pipeline(stages, { clock })
      const callee = makeCallee(clock)
      const signals: AbortSignal[] = []
      // Three at once: one runs, one waits, one is refused.
      const runs = [1, 2, 3].map(() => {
        const stopping = new AbortController()
        signals.push(stopping.signal)
        return watch(guarded.run(callee, stopping, stopping.signal))
      })
      await clock.advance(5000)
      expect({ name, pending: runs.filter(({ outcome }) => outcome === 'pending').length }).toEqual({ name, pending: 0 })
      for (const stage of stages) {
        const { running, queued } =
          stage.name === 'keyed' ? ((stage as Keyed<Bulkhead>).get(undefined) ?? {}) : (stage as Bulkhead)
        if (running !== undefined) expect({ name, running, queued }).toEqual({ name, running: 0, queued: 0 })
      }
      await expectNothingLeft(clock, ...signals)
      // Also a breaker that lost the place of a probe would refuse for ever.
      isCalm = true
      const again = watch(guarded.run(() => 'healthy', new AbortController()))
      await clock.advance(5000)
      expect({ name, outcome: again.outcome }).toEqual({ name, outcome: { value: 'healthy' } })
      await expectNothingLeft(clock)
    }
  })
})
