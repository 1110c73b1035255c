import { bulkhead, pipeline, retry, type Stage, timeout } from '@comm/core'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { abortListeners, after, afterOrAbort, deferred, expectNothingLeft, SEEDED, TestClock, watch } from './support.ts'

describe('a bulkhead', () => {
  it('admits those that wait in the order they came', async () => {
    const order: number[] = []
    const gates = [0, 1, 2, 3].map(() => deferred())
    const one = bulkhead({ limit: 1, maxQueue: 3 })
    const guarded = pipeline([one])
    const listeners: number[] = []
    const runs = gates.map((gate, index) =>
      guarded.run((_, call) => {
        order.push(index)
        listeners.push(abortListeners(call.signal))
        return gate.promise
      }, undefined),
    )
    expect([one.running, one.queued]).toEqual([1, 3])
    for (const gate of gates) gate.resolve(undefined)
    await Promise.all(runs)
    expect(order).toEqual([0, 1, 2, 3])
    expect(listeners).toEqual([0, 0, 0, 0])
    expect([one.running, one.queued]).toEqual([0, 0])
  })

  it('refuses what the queue does not hold, and says how full it is', async () => {
    const guarded = pipeline([bulkhead({ limit: 1, maxQueue: 1 })])
    void guarded.run(() => deferred().promise, undefined)
    void guarded.run(() => 1, undefined)
    await expect(guarded.run(() => 1, undefined)).rejects.toMatchObject({
      code: 'COMM_BULKHEAD_FULL',
      message: '1 calls are running and 1 are waiting, which is all that is allowed',
      details: { limit: 1, maxQueue: 1 },
    })
  })

  it('lets one that waits be aborted, and the next one behind it go on', async () => {
    const clock = new TestClock()
    const gate = deferred()
    const one = bulkhead({ limit: 1, maxQueue: 5 })
    const guarded = pipeline([one], { clock })
    const stopping = new AbortController()
    const first = watch(guarded.run(() => gate.promise, undefined))
    const second = watch(guarded.run(() => 'second', undefined, stopping.signal))
    const third = watch(guarded.run(() => 'third', undefined))
    stopping.abort(new Error('stop'))
    await expectNothingLeft(clock, stopping.signal)
    expect([one.running, one.queued]).toEqual([1, 1])
    gate.resolve('first')
    await clock.advance(0)
    expect([first.outcome, second.outcome, third.outcome]).toEqual([
      { value: 'first' },
      { error: new Error('stop') },
      { value: 'third' },
    ])
    expect([one.running, one.queued]).toEqual([0, 0])
  })

  it('loses no slot when a call is aborted between its admission and its turn', async () => {
    const clock = new TestClock()
    const one = bulkhead({ limit: 1, maxQueue: 5 })
    const stopping = new AbortController()
    let called = false
    const abortsOnRelease: Stage = { name: 'aborts', leave: () => stopping.abort() }
    const gate = deferred()
    void pipeline([abortsOnRelease, one], { clock }).run(() => gate.promise, undefined)
    const waiting = pipeline([one], { clock }).run(() => (called = true), undefined, stopping.signal)
    const settled = watch(waiting)
    gate.resolve(undefined)
    await clock.advance(0)
    expect(settled.outcome).toMatchObject({ error: { name: 'AbortError' } })
    expect([called, one.running, one.queued]).toEqual([false, 0, 0])
  })

  it('keeps the slot of a call that timed out until its callee settles', async () => {
    const clock = new TestClock()
    const one = bulkhead({ limit: 1 })
    const run = watch(pipeline([timeout({ ms: 10 }), one], { clock }).run(() => after(clock, 100), undefined))
    await clock.advance(10)
    expect(run.outcome).toMatchObject({ error: { code: 'COMM_TIMEOUT' } })
    expect(one.running).toBe(1)
    await expect(pipeline([one]).run(() => 1, undefined)).rejects.toMatchObject({ code: 'COMM_BULKHEAD_FULL' })
    await clock.advance(90)
    expect(one.running).toBe(0)
  })

  it('frees it at once when told so', async () => {
    const clock = new TestClock()
    const one = bulkhead({ limit: 1, releaseOnTimeout: true })
    void pipeline([timeout({ ms: 10 }), one], { clock })
      .run(() => after(clock, 100), undefined)
      .catch(() => {})
    await clock.advance(10)
    expect(one.running).toBe(0)
    await clock.advance(90)
    expect(one.running).toBe(0)
  })

  it('inside a retry frees the slot of each attempt when that attempt has settled, whatever became of the next', async () => {
    const clock = new TestClock()
    const two = bulkhead({ limit: 2 })
    const settlesAfter = [100, 500]
    void pipeline([retry({ maxRetries: 1, random: () => 1 }), two, timeout({ ms: 10 })], { clock })
      .run((_, call) => after(clock, settlesAfter[call.attempt - 1]!), undefined)
      .catch(() => {})
    await clock.advance(99)
    expect(two.running).toBe(2)
    await clock.advance(1)
    expect(two.running).toBe(1)
    await clock.advance(600)
    expect(two.running).toBe(0)
  })

  it('inside a retry does not wait for what earlier attempts have left behind', async () => {
    const clock = new TestClock()
    const two = bulkhead({ limit: 2 })
    const settlesAfter = [500, 20]
    void pipeline([retry({ maxRetries: 1, random: () => 1 }), two, timeout({ ms: 10 })], { clock })
      .run((_, call) => after(clock, settlesAfter[call.attempt - 1]!), undefined)
      .catch(() => {})
    await clock.advance(70)
    expect(two.running).toBe(2)
    await clock.advance(10)
    expect(two.running).toBe(1)
    await clock.advance(500)
    expect(two.running).toBe(0)
  })

  it('outside a retry keeps one slot until every attempt has settled', async () => {
    const clock = new TestClock()
    const one = bulkhead({ limit: 1 })
    const run = watch(
      pipeline([one, retry({ maxRetries: 1 }), timeout({ ms: 10 })], { clock }).run(async (_, call) => {
        if (call.attempt === 1) await after(clock, 1000)
        return 'second'
      }, undefined),
    )
    await clock.advance(500)
    expect(run.outcome).toEqual({ value: 'second' })
    expect(one.running).toBe(1)
    await clock.advance(500)
    expect(one.running).toBe(0)
  })

  it('in two pipelines limits them together', async () => {
    const shared = bulkhead({ limit: 1 })
    const gate = deferred()
    const first = pipeline([shared]).run(() => gate.promise, undefined)
    await expect(pipeline([shared]).run(() => 1, undefined)).rejects.toMatchObject({ code: 'COMM_BULKHEAD_FULL' })
    gate.resolve(undefined)
    await first
  })

  it('never runs more than its limit at once, whatever the callees do, and ends with every slot free', async () => {
    const call = fc.record({
      startAt: fc.integer({ min: 0, max: 100 }),
      ms: fc.integer({ min: 0, max: 120 }),
      heeds: fc.boolean(),
      fails: fc.boolean(),
      abortAfter: fc.option(fc.integer({ min: 0, max: 80 }), { nil: undefined }),
    })
    const plan = fc.record({
      limit: fc.integer({ min: 1, max: 3 }),
      maxQueue: fc.integer({ min: 0, max: 3 }),
      timeoutMs: fc.integer({ min: 0, max: 60 }),
      maxRetries: fc.integer({ min: 0, max: 2 }),
      timeoutOutside: fc.boolean(),
      calls: fc.array(call, { minLength: 1, maxLength: 12 }),
    })
    await fc.assert(
      fc.asyncProperty(plan, async ({ limit, maxQueue, timeoutMs, maxRetries, timeoutOutside, calls }) => {
        const clock = new TestClock()
        const guard = bulkhead({ limit, maxQueue })
        const limits = timeoutOutside ? [timeout({ ms: timeoutMs }), guard] : [guard, timeout({ ms: timeoutMs })]
        const guarded = pipeline([retry({ maxRetries, random: () => 0 }), ...limits], { clock })
        const signals: AbortSignal[] = []
        let running = 0
        let most = 0
        for (const { startAt, ms, heeds, fails, abortAfter } of calls) {
          clock.setTimer(startAt, () => {
            const stopping = new AbortController()
            signals.push(stopping.signal)
            if (abortAfter !== undefined) clock.setTimer(abortAfter, () => stopping.abort(new Error('stop')))
            const callee = async (_: unknown, { signal }: { signal: AbortSignal }): Promise<void> => {
              most = Math.max(most, ++running)
              try {
                await (heeds ? afterOrAbort(clock, ms, signal) : after(clock, ms))
              } finally {
                running--
              }
              if (fails) throw new Error('failed')
            }
            guarded.run(callee, undefined, stopping.signal).catch(() => {})
          })
        }
        await clock.advance(5000)
        expect(most).toBeLessThanOrEqual(limit)
        expect([running, guard.running, guard.queued]).toEqual([0, 0, 0])
        await expectNothingLeft(clock, ...signals)
      }),
      { ...SEEDED, numRuns: 200 },
    )
  })
})
