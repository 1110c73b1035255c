import {
  type Breaker,
  breaker,
  bulkhead,
  currentContext,
  type HedgeOptions,
  hedge,
  observePolicies,
  type PolicyEvent,
  pipeline,
  policyReadings,
  retryBudget,
  type Stage,
  timeout,
  withContext,
} from '@comm/core'
import { seededRandom } from '@comm/testkit'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import * as fc from 'fast-check'
import { after, afterOrAbort, expectNothingLeft, SEEDED, TestClock, watch } from './support.ts'

const events: PolicyEvent[] = []
let stopObserving: () => void
beforeEach(() => {
  events.length = 0
  stopObserving = observePolicies((event) => events.push(event))
})
afterEach(() => stopObserving())

const plenty = () => retryBudget({ ratio: 1, minPerSecond: 100 })

/** Attempts that take these times, one after the other; it notes when they start, and which are aborted. */
function hedged(options: HedgeOptions, tookMs: readonly (number | Error)[], inside: readonly Stage[] = []) {
  const clock = new TestClock()
  const startedAt: number[] = []
  const aborted: number[] = []
  const guarded = pipeline([hedge({ budget: plenty(), ...options }), ...inside], { clock })
  const call = (signal?: AbortSignal) =>
    watch(
      guarded.run(
        async (_, { signal: own }) => {
          const attempt = startedAt.push(clock.now()) - 1
          own.addEventListener('abort', () => aborted.push(attempt))
          const took = tookMs[attempt]
          if (took instanceof Error) throw took
          await afterOrAbort(clock, took ?? 1, own)
          return attempt
        },
        undefined,
        signal,
      ),
    )
  return { clock, startedAt, aborted, guarded, call }
}

describe('hedge', () => {
  it('makes no further attempt for a call that is answered in time', async () => {
    const { clock, call, startedAt, aborted } = hedged({ afterMs: 20 }, [19])
    const run = call()
    await clock.advance(100)
    expect([run.outcome, startedAt, aborted]).toEqual([{ value: 0 }, [0], []])
    await expectNothingLeft(clock)
  })

  it('makes one when the first is slow; the first answer wins, and the loser is aborted', async () => {
    const { clock, call, startedAt, aborted } = hedged({ name: 'users', afterMs: 20 }, [100, 10])
    const run = call()
    await clock.advance(30)
    expect([run.outcome, startedAt, aborted]).toEqual([{ value: 1 }, [0, 20], [0]])
    expect(events).toEqual([
      { policy: 'hedge', name: 'users', event: 'hedge', hedge: 1, afterMs: 20 },
      { policy: 'hedge', name: 'users', event: 'hedge-win', hedge: 1 },
    ])
    await expectNothingLeft(clock)
  })

  it('takes the answer of the first attempt when that comes first after all', async () => {
    const { clock, call, startedAt, aborted } = hedged({ afterMs: 20 }, [25, 100])
    const run = call()
    await clock.advance(25)
    expect([run.outcome, startedAt, aborted]).toEqual([{ value: 0 }, [0, 20], [1]])
    await expectNothingLeft(clock)
  })

  it('makes at most so many further attempts', async () => {
    const { clock, call, startedAt } = hedged({ afterMs: 10, maxHedges: 2 }, [500, 500, 500, 1])
    const run = call()
    await clock.advance(400)
    expect([run.outcome, startedAt]).toEqual(['pending', [0, 10, 20]])
    await clock.advance(200)
    expect(run.outcome).toEqual({ value: 0 })
    await expectNothingLeft(clock)
  })

  it('waits for the others when one fails, and ends as the first did when all have failed', async () => {
    const one = hedged({ afterMs: 10 }, [50, new Error('second')])
    const survived = one.call()
    await one.clock.advance(100)
    expect(survived.outcome).toEqual({ value: 0 })
    const two = hedged({ afterMs: 10 }, [15, 40], [timeout({ ms: 12 })])
    const failed = two.call()
    await two.clock.advance(100)
    expect(failed.outcome).toMatchObject({ error: { code: 'COMM_TIMEOUT' } })
    await expectNothingLeft(two.clock)
  })

  it('is no retry: a failure before the hedge is the outcome', async () => {
    const { clock, call, startedAt } = hedged({ afterMs: 10 }, [new Error('first')])
    const run = call()
    await clock.advance(100)
    expect([run.outcome, startedAt]).toEqual([{ error: new Error('first') }, [0]])
    await expectNothingLeft(clock)
  })

  it('is not content with an answer that is not good', async () => {
    const { clock, call } = hedged({ afterMs: 10, isGood: (value) => value !== 1 }, [50, 5])
    const run = call()
    await clock.advance(100)
    expect(run.outcome).toEqual({ value: 0 })
    const bad = hedged({ afterMs: 10, isGood: () => false }, [50, 5])
    const both = bad.call()
    await bad.clock.advance(100)
    expect(both.outcome).toEqual({ value: 0 })
    const throwing = hedged(
      {
        afterMs: 10,
        isGood: () => {
          throw new Error('cannot tell')
        },
      },
      [5],
    )
    const thrown = throwing.call()
    await throwing.clock.advance(100)
    expect(thrown.outcome).toEqual({ error: new Error('cannot tell') })
  })

  it('does not hedge what may not be made twice, nor past its budget', async () => {
    const unsafe = hedged({ afterMs: 10, isSafe: () => false }, [50])
    const run = unsafe.call()
    await unsafe.clock.advance(100)
    expect([run.outcome, unsafe.startedAt]).toEqual([{ value: 0 }, [0]])
    const poor = hedged({ afterMs: 10, budget: retryBudget({ ratio: 0, minPerSecond: 0 }) }, [50])
    poor.call()
    await poor.clock.advance(100)
    expect(poor.startedAt).toEqual([0])
    expect(events).toEqual([
      { policy: 'hedge', name: 'hedge', event: 'hedge-refusal', reason: 'unsafe' },
      { policy: 'hedge', name: 'hedge', event: 'hedge-refusal', reason: 'budget' },
    ])
  })

  it('makes no further attempt when the caller has aborted, and ends those under way', async () => {
    const { clock, call, startedAt, aborted } = hedged({ afterMs: 10, maxHedges: 2 }, [500, 500, 500])
    const stopping = new AbortController()
    const run = call(stopping.signal)
    await clock.advance(15)
    stopping.abort(new Error('stop'))
    await clock.advance(500)
    expect([run.outcome, startedAt, aborted]).toEqual([{ error: new Error('stop') }, [0, 10], [0, 1]])
    await expectNothingLeft(clock, stopping.signal)
  })

  it('makes none that would start after the deadline', async () => {
    const clock = new TestClock()
    let attempts = 0
    const guarded = pipeline([timeout({ ms: 20 }), hedge({ afterMs: 20 })], { clock })
    const run = watch(
      guarded.run(() => {
        attempts++
        return after(clock, 100)
      }, undefined),
    )
    await clock.advance(200)
    expect(run.outcome).toMatchObject({ error: { code: 'COMM_TIMEOUT' } })
    expect(attempts).toBe(1)
    await expectNothingLeft(clock)
  })

  it('does not count the losers against a breaker inside, and frees their slots', async () => {
    const clock = new TestClock()
    const judged: Breaker = breaker({ consecutiveFailures: 1 })
    const slots = bulkhead({ limit: 2 })
    const guarded = pipeline([hedge({ afterMs: 10, budget: plenty() }), judged, slots], { clock })
    let attempts = 0
    const run = watch(guarded.run((_, { signal }) => afterOrAbort(clock, attempts++ === 0 ? 100 : 5, signal), undefined))
    await clock.advance(20)
    expect([run.outcome, judged.state, slots.running]).toEqual([{ value: undefined }, 'closed', 0])
  })

  it('asks a stage further in for another target for each attempt', async () => {
    const clock = new TestClock()
    let next = 0
    const pick: Stage = {
      name: 'pick',
      enter(call) {
        call.target = ['a', 'b'][next++]
      },
    }
    const guarded = pipeline([hedge({ afterMs: 10, budget: plenty() }), pick], { clock })
    const run = watch(
      guarded.run(async (_, { target }) => {
        await after(clock, target === 'a' ? 100 : 5)
        return target
      }, undefined),
    )
    await clock.advance(15)
    expect(run.outcome).toEqual({ value: 'b' })
    await clock.advance(100)
    await expectNothingLeft(clock)
  })

  it('runs each attempt in the context of its own call, though the timers are shared', async () => {
    const clock = new TestClock()
    const seen: string[] = []
    const guarded = pipeline([hedge({ afterMs: 10, budget: plenty() })], { clock })
    const runs = ['one', 'two'].map((correlationId) =>
      withContext({ correlationId }, () =>
        guarded.run(async (own: string) => {
          seen.push(`${own} in ${currentContext()?.correlationId}`)
          await after(clock, 50)
        }, correlationId),
      ),
    )
    await clock.advance(100)
    await Promise.all(runs)
    expect(seen.sort()).toEqual(['one in one', 'one in one', 'two in two', 'two in two'])
  })
})

describe('a hedge by percentile', () => {
  it('hedges none of the first calls, and then about those that are slower than the percentile', async () => {
    const clock = new TestClock()
    const random = seededRandom(5)
    const waits: number[] = []
    const guarded = pipeline([hedge({ percentile: 0.9, budget: plenty(), onHedge: ({ afterMs }) => waits.push(afterMs) })], {
      clock,
    })
    let hedgesOfTheFirst = 0
    for (let call = 0; call < 500; call++) {
      const run = guarded.run((_, { signal }) => afterOrAbort(clock, 10 + 100 * random(), signal), undefined)
      await clock.advance(120)
      await run
      if (call === 19) hedgesOfTheFirst = waits.length
    }
    expect(hedgesOfTheFirst).toBe(0)
    expect(waits.length).toBeGreaterThan(25)
    expect(waits.length).toBeLessThan(80)
    expect(Math.max(...waits.slice(-10))).toBeLessThan(111 * 1.1)
    expect(Math.min(...waits.slice(-10))).toBeGreaterThan(80)
    await expectNothingLeft(clock)
  })

  it('by default costs a tenth more load at most, and says what is left', async () => {
    const clock = new TestClock()
    let attempts = 0
    const guarded = pipeline([hedge({ name: 'thrifty', afterMs: 10 })], { clock })
    for (let call = 0; call < 300; call++) {
      const run = guarded.run((_, { signal }) => {
        attempts++
        return afterOrAbort(clock, 20, signal)
      }, undefined)
      await clock.advance(20)
      await run
    }
    // Beside the tenth, one a second, and one at the beginning.
    expect(attempts - 300).toBeLessThanOrEqual(30 + 6 + 1)
    expect(attempts - 300).toBeGreaterThan(25)
    const [budget] = policyReadings().filter(({ name }) => name === 'thrifty')
    expect(budget).toMatchObject({ kind: 'hedge-budget', policy: 'hedge' })
    expect(budget?.value).toBeLessThan(1.2)
  })

  it('cuts the slow tail', async () => {
    const clock = new TestClock()
    const p99 = async (stages: readonly Stage[]): Promise<number> => {
      const random = seededRandom(11)
      const took: number[] = []
      const guarded = pipeline(stages, { clock })
      for (let call = 0; call < 1000; call++) {
        const startedAt = clock.now()
        const run = guarded
          .run((_, { signal }) => afterOrAbort(clock, random() < 0.03 ? 500 : 10 + 5 * random(), signal), undefined)
          .then(() => took.push(clock.now() - startedAt))
        await clock.advance(501)
        await run
      }
      return took.sort((one, other) => one - other)[989]!
    }
    expect(await p99([])).toBe(500)
    expect(await p99([hedge()])).toBeLessThan(40)
  })
})

it('has one outcome, at most so many attempts at once, and leaves nothing behind, whatever the attempts do', async () => {
  const attempt = fc.record({ ms: fc.integer({ min: 0, max: 80 }), end: fc.constantFrom('ok', 'bad', 'ignores') })
  const plan = fc.record({
    afterMs: fc.integer({ min: 0, max: 40 }),
    maxHedges: fc.integer({ min: 1, max: 3 }),
    timeoutMs: fc.integer({ min: 1, max: 120 }),
    abortAfter: fc.option(fc.integer({ min: 0, max: 100 }), { nil: undefined }),
    attempts: fc.array(attempt, { minLength: 4, maxLength: 4 }),
  })
  await fc.assert(
    fc.asyncProperty(plan, async ({ afterMs, maxHedges, timeoutMs, abortAfter, attempts }) => {
      const clock = new TestClock()
      const slots = bulkhead({ limit: 10 })
      const stages = [timeout({ ms: timeoutMs }), slots, hedge({ afterMs, maxHedges, budget: plenty() }), { name: 'inside' }]
      const stopping = new AbortController()
      if (abortAfter !== undefined) clock.setTimer(abortAfter, () => stopping.abort(new Error('stop')))
      let [started, running] = [0, 0]
      const run = watch(
        pipeline(stages, { clock }).run(
          async (_, { signal }) => {
            const { ms, end } = attempts[started++]!
            running++
            await (end === 'ignores' ? after(clock, ms) : afterOrAbort(clock, ms, signal)).finally(() => running--)
            if (end === 'bad') throw new Error('bad')
            return 'answer'
          },
          undefined,
          stopping.signal,
        ),
      )
      await clock.advance(1000)
      expect(started).toBeLessThanOrEqual(1 + maxHedges)
      expect(run.outcome).not.toBe('pending')
      expect([running, slots.running]).toEqual([0, 0])
      const answeredBy = attempts
        .slice(0, started)
        .flatMap(({ ms, end }, at) => (end === 'bad' ? [] : [at * afterMs + ms]))
        .sort((one, other) => one - other)[0]
      if (answeredBy !== undefined && answeredBy < Math.min(timeoutMs, abortAfter ?? 1e9))
        expect(run.outcome).toEqual({ value: 'answer' })
      await expectNothingLeft(clock, stopping.signal)
    }),
    { ...SEEDED, numRuns: 300 },
  )
})
