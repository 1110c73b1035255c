import { type Bulkhead, bulkhead, observePolicies, type PolicyEvent, pipeline } from '@comm/core'
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

/** One slot, and calls that take it for 10 ms each; they note the order in which they ran. */
function oneSlot(clock: TestClock, options: Omit<Parameters<typeof bulkhead>[0], 'limit'>) {
  const guard = bulkhead({ limit: 1, ...options })
  const guarded = pipeline([guard], { clock })
  const ran: unknown[] = []
  const call = (name: unknown, signal?: AbortSignal) =>
    watch(
      guarded.run(
        async (own) => {
          ran.push(own)
          await after(clock, 10)
        },
        name,
        signal,
      ),
    )
  return { guard, ran, call }
}

describe('the time in a queue', () => {
  it('is limited: a call that has waited too long is refused, and says so', async () => {
    const clock = new TestClock()
    const { call, ran, guard } = oneSlot(clock, { name: 'reports', maxQueue: 5, maxQueueMs: 15 })
    call('first')
    const second = call('second')
    const third = call('third')
    await clock.advance(15)
    expect([second.outcome, guard.queued]).toEqual(['pending', 0])
    expect(third.outcome).toMatchObject({
      error: {
        code: 'COMM_BULKHEAD_FULL',
        message: 'no place became free within 15 ms',
        details: { reason: 'queue-time', limit: 1, maxQueue: 5 },
      },
    })
    await clock.advance(100)
    expect(ran).toEqual(['first', 'second'])
    expect(events).toEqual([
      { policy: 'bulkhead', name: 'reports', event: 'admission', waitedMs: 10 },
      { policy: 'bulkhead', name: 'reports', event: 'rejection', reason: 'queue-time' },
    ])
    await expectNothingLeft(clock)
  })

  it('sheds load when the queue does not empty: the newest goes first, the others are refused soon', async () => {
    const clock = new TestClock()
    const { call, ran } = oneSlot(clock, { maxQueue: 100, maxQueueMs: 30, overloadQueueMs: 12 })
    const outcomes: { readonly at: number; readonly watched: ReturnType<typeof call> }[] = []
    for (let at = 0; at < 100; at += 5) clock.setTimer(at, () => outcomes.push({ at, watched: call(at) }))
    await clock.advance(300)
    // First come first served for as long as it may be a burst (30 ms); then every slot goes to the newest.
    expect(ran.slice(0, 4)).toEqual([0, 5, 10, 15])
    const later = ran.slice(5) as number[]
    expect(later).toEqual(later.toSorted((a, b) => a - b))
    expect(outcomes.filter(({ at }) => at > 35).every(({ watched }) => watched.outcome !== 'pending')).toBe(true)
    const refused = events.filter(({ event }) => event === 'rejection')
    const waited = events.flatMap((event) => (event.event === 'admission' ? [event.waitedMs] : []))
    expect(refused.length).toBe(20 - ran.length)
    expect(Math.max(...waited.slice(5))).toBeLessThanOrEqual(12)
    await expectNothingLeft(clock)
  })

  it('is that of a burst again once the queue has been empty', async () => {
    const clock = new TestClock()
    const { call, ran } = oneSlot(clock, { maxQueue: 100, maxQueueMs: 30, overloadQueueMs: 5 })
    for (let at = 0; at < 60; at += 5) clock.setTimer(at, () => call(at))
    await clock.advance(200)
    ran.length = 0
    for (const name of ['a', 'b', 'c']) call(name)
    await clock.advance(100)
    expect(ran).toEqual(['a', 'b', 'c'])
    await expectNothingLeft(clock)
  })
})

describe('priorities', () => {
  const byName = { priority: ({ argument }: { argument: unknown }) => Number(String(argument)[0]) }

  it('decide whose turn is next, and the order of arrival among equals', async () => {
    const clock = new TestClock()
    const { call, ran } = oneSlot(clock, { maxQueue: 10, ...byName })
    for (const name of ['0 first', '1 a', '0 a', '2 a', '1 b', '2 b']) call(name)
    await clock.advance(200)
    expect(ran).toEqual(['0 first', '2 a', '2 b', '1 a', '1 b', '0 a'])
    await expectNothingLeft(clock)
  })

  it('let a call into a full queue in place of the newest of the lowest below it', async () => {
    const clock = new TestClock()
    const { call, ran } = oneSlot(clock, { maxQueue: 2, ...byName })
    call('0 first')
    const [low, lower] = [call('1 a'), call('1 b')]
    const equal = call('1 c')
    const high = call('2 a')
    await clock.advance(0)
    expect([low.outcome, high.outcome]).toEqual(['pending', 'pending'])
    expect(equal.outcome).toMatchObject({ error: { details: { reason: 'limit' } } })
    expect(lower.outcome).toMatchObject({ error: { details: { reason: 'displaced' } } })
    await clock.advance(100)
    expect(ran).toEqual(['0 first', '2 a', '1 a'])
    await expectNothingLeft(clock)
  })

  it('that are not a number count as 0', async () => {
    const clock = new TestClock()
    const { call, ran } = oneSlot(clock, { maxQueue: 10, priority: () => Number.NaN })
    for (const name of ['a', 'b', 'c']) call(name)
    await clock.advance(100)
    expect(ran).toEqual(['a', 'b', 'c'])
  })

  it('whose function ends its own call leave nothing in the queue', async () => {
    const clock = new TestClock()
    const stopping = new AbortController()
    const { call, guard } = oneSlot(clock, {
      maxQueue: 10,
      priority: () => {
        stopping.abort(new Error('stop'))
        return 1
      },
    })
    call('first')
    const second = call('second', stopping.signal)
    await clock.advance(0)
    expect([second.outcome, guard.queued]).toEqual([{ error: new Error('stop') }, 0])
    await clock.advance(10)
    await expectNothingLeft(clock, stopping.signal)
  })
})

it('a queue serves by priority and never loses a call or a slot, whoever aborts, waits too long or is displaced', async () => {
  const call = fc.record({
    startAt: fc.integer({ min: 0, max: 150 }),
    ms: fc.integer({ min: 0, max: 40 }),
    priority: fc.integer({ min: 0, max: 2 }),
    abortAfter: fc.option(fc.integer({ min: 0, max: 60 }), { nil: undefined }),
  })
  const plan = fc.record({
    limit: fc.integer({ min: 1, max: 3 }),
    maxQueue: fc.integer({ min: 0, max: 4 }),
    maxQueueMs: fc.integer({ min: 5, max: 50 }),
    overloadQueueMs: fc.integer({ min: 0, max: 5 }),
    calls: fc.array(call, { minLength: 1, maxLength: 25 }),
  })
  await fc.assert(
    fc.asyncProperty(plan, async ({ calls, ...options }) => {
      const clock = new TestClock()
      const guard: Bulkhead = bulkhead({ ...options, priority: ({ argument }) => (argument as { priority: number }).priority })
      const guarded = pipeline([guard], { clock })
      const runs: ReturnType<typeof watch>[] = []
      const signals: AbortSignal[] = []
      const violations: string[] = []
      let [running, started] = [0, 0]
      for (const planned of calls) {
        clock.setTimer(planned.startAt, () => {
          const stopping = new AbortController()
          signals.push(stopping.signal)
          if (planned.abortAfter !== undefined) clock.setTimer(planned.abortAfter, () => stopping.abort(new Error('stop')))
          const since = clock.now()
          const run = guarded.run(
            async (own, { signal }) => {
              started++
              if (++running > options.limit) violations.push(`${running} at once`)
              if (clock.now() - since > options.maxQueueMs) violations.push(`${own.priority} waited ${clock.now() - since} ms`)
              await afterOrAbort(clock, own.ms, signal).finally(() => running--)
            },
            planned,
            stopping.signal,
          )
          runs.push(watch(run))
          if (guard.queued > options.maxQueue) violations.push(`${guard.queued} in the queue`)
          if (guard.queued > 0 && guard.running < options.limit) violations.push('waits beside a free slot')
        })
      }
      await clock.advance(3000)
      expect(violations).toEqual([])
      expect(runs.filter(({ outcome }) => outcome === 'pending')).toEqual([])
      expect([running, guard.running, guard.queued]).toEqual([0, 0, 0])
      const refused = runs.filter(
        ({ outcome }) => outcome !== 'pending' && 'error' in outcome && 'code' in (outcome.error as object),
      )
      expect(started + refused.length).toBeLessThanOrEqual(calls.length)
      await expectNothingLeft(clock, ...signals)
    }),
    { ...SEEDED, numRuns: 200 },
  )
})
