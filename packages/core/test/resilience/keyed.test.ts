import {
  type Breaker,
  type Bulkhead,
  breaker,
  bulkhead,
  constantBackoff,
  keyed,
  pipeline,
  policyReadings,
  retry,
  type Stage,
  timeout,
} from '@comm/core'
import { describe, expect, it } from '@jest/globals'
import * as fc from 'fast-check'
import { after, afterOrAbort, deferred, expectNothingLeft, SEEDED, TestClock, watch } from './support.ts'

/** Chooses the instance that the argument names. */
const pick: Stage = {
  name: 'pick',
  enter(call) {
    call.target = call.argument
  },
}

function down(): never {
  throw new Error('down')
}

describe('keyed', () => {
  it('gives each target a breaker of its own', async () => {
    const breakers = keyed((target) => breaker({ name: `breaker of ${target}`, consecutiveFailures: 2 }))
    const guarded = pipeline([pick, breakers])
    for (let call = 0; call < 2; call++) await guarded.run(down, 'a').catch(() => {})
    await expect(guarded.run(() => 1, 'a')).rejects.toThrow('breaker of a is open')
    await expect(guarded.run(() => 1, 'b')).resolves.toBe(1)
    expect([breakers.get('a')?.state, breakers.get('b')?.state, breakers.get('c'), breakers.size]).toEqual([
      'open',
      'closed',
      undefined,
      2,
    ])
    expect([...breakers.entries()].map(([key]) => key)).toEqual(['a', 'b'])
  })

  it('judges by the key that it is told to', async () => {
    const breakers = keyed<Breaker>(() => breaker({ consecutiveFailures: 1 }), { key: ({ argument }) => String(argument)[0] })
    const guarded = pipeline([breakers])
    await guarded.run(down, 'a1').catch(() => {})
    await expect(guarded.run(() => 1, 'a2')).rejects.toMatchObject({ code: 'COMM_BREAKER_OPEN' })
    await expect(guarded.run(() => 1, 'b1')).resolves.toBe(1)
  })

  it('gives each target a bulkhead of its own, with a queue of its own', async () => {
    const clock = new TestClock()
    const bulkheads = keyed(() => bulkhead({ limit: 1, maxQueue: 1 }))
    const guarded = pipeline([pick, bulkheads], { clock })
    const runs = ['a', 'a', 'a', 'b'].map((target) => watch(guarded.run(() => after(clock, 10), target)))
    await clock.advance(0)
    expect(runs.map(({ outcome }) => (outcome === 'pending' ? outcome : 'refused'))).toEqual([
      'pending',
      'pending',
      'refused',
      'pending',
    ])
    expect([bulkheads.get('a')?.running, bulkheads.get('a')?.queued, bulkheads.get('b')?.running]).toEqual([1, 1, 1])
    await clock.advance(20)
    expect([bulkheads.get('a')?.running, bulkheads.get('a')?.queued, bulkheads.get('b')?.running]).toEqual([0, 0, 0])
  })

  it('works for a stage that runs again what is inside, each attempt at the same key', async () => {
    const retries = keyed(() => retry({ maxRetries: 2, backoff: constantBackoff({ baseMs: 0 }) }))
    let attempts = 0
    await expect(
      pipeline([pick, retries]).run(() => {
        if (++attempts < 3) throw new Error('not yet')
        return attempts
      }, 'a'),
    ).resolves.toBe(3)
    attempts = -10
    await expect(pipeline([pick, retries]).run(() => (++attempts < 3 ? down() : 1), 'a')).rejects.toThrow('down')
    expect(attempts).toBe(-7)
  })

  it('keeps apart what a stage has noted when it had to wait to enter, and what a cancelled one notes too late', async () => {
    const clock = new TestClock()
    const left: unknown[] = []
    const gates = [deferred<void>(), deferred<void>()]
    let entered = 0
    const slow: Stage = {
      name: 'slow',
      async enter(call, at) {
        const nth = entered++
        const { signal } = call
        await gates[nth]?.promise
        if (!signal.aborted) call.setState(at, `state ${nth}`)
      },
      leave: (call, at) => void left.push(call.state(at)),
    }
    const guarded = pipeline(
      [retry({ maxRetries: 1, backoff: constantBackoff({ baseMs: 1 }) }), timeout({ ms: 10 }), keyed(() => slow)],
      {
        clock,
      },
    )
    const answer = guarded.run(() => 'done', undefined)
    await clock.advance(10)
    await clock.advance(2)
    gates[0]?.resolve()
    gates[1]?.resolve()
    expect(await answer).toBe('done')
    expect(left).toEqual(['state 1'])
  })

  it('keeps at most so many, and forgets the one used longest ago', async () => {
    const breakers = keyed(() => breaker(), { maxKeys: 2 })
    const guarded = pipeline([pick, breakers])
    for (const target of ['a', 'b', 'a', 'c']) await guarded.run(() => 1, target)
    expect([...breakers.entries()].map(([key]) => key)).toEqual(['a', 'c'])
  })

  it('forgets the idle ones', async () => {
    const clock = new TestClock()
    const breakers = keyed(() => breaker(), { idleMs: 100 })
    const guarded = pipeline([pick, breakers], { clock })
    await guarded.run(() => 1, 'a')
    await guarded.run(() => 1, 'b')
    await clock.advance(60)
    await guarded.run(() => 1, 'a')
    await clock.advance(60)
    await guarded.run(() => 1, 'c')
    expect([...breakers.entries()].map(([key]) => key)).toEqual(['a', 'c'])
  })

  it('never forgets one that is in use, not even by a callee that was left behind', async () => {
    const clock = new TestClock()
    const bulkheads = keyed(() => bulkhead({ limit: 1 }), { maxKeys: 1, idleMs: 0 })
    const guarded = pipeline([pick, timeout({ ms: 10 }), bulkheads], { clock })
    const gate = deferred()
    const left = watch(guarded.run(() => gate.promise, 'a'))
    await clock.advance(50)
    expect(left.outcome).toMatchObject({ error: { code: 'COMM_TIMEOUT' } })
    await guarded.run(() => 1, 'b')
    await expect(guarded.run(() => 1, 'a')).rejects.toMatchObject({ code: 'COMM_BULKHEAD_FULL' })
    gate.resolve(undefined)
    await clock.advance(1)
    await guarded.run(() => 1, 'c')
    expect([...bulkheads.entries()].map(([key]) => key)).toEqual(['c'])
    await expectNothingLeft(clock)
  })

  it('refuses a stage that takes over the call', async () => {
    const wrong = keyed(() => ({ name: 'around', around: (_call, _at, runInside) => runInside() }))
    await expect(pipeline([wrong]).run(() => 1, 1)).rejects.toThrow(
      'keyed make result must be a stage without around(), got an object with keys name, around',
    )
  })

  it('shows the states of all its breakers, and how many keys there are', async () => {
    const breakers = keyed(() => breaker({ name: 'shown', consecutiveFailures: 1 }), { name: 'shown' })
    const guarded = pipeline([pick, breakers])
    for (const target of ['a', 'b']) await guarded.run(down, target).catch(() => {})
    await guarded.run(() => 1, 'c')
    const shown = policyReadings().filter(({ name }) => name === 'shown')
    expect(shown).toEqual([
      { kind: 'breakers', policy: 'breaker', name: 'shown', value: 1, state: 'open' },
      { kind: 'breakers', policy: 'breaker', name: 'shown', value: 1, state: 'open' },
      { kind: 'breakers', policy: 'breaker', name: 'shown', value: 1, state: 'closed' },
      { kind: 'keys', policy: 'keyed', name: 'shown', value: 3 },
    ])
    expect(guarded.describe()).toBe('pick\nkeyed shown (at most 1000 keys, forgotten after 600000 ms)')
  })

  it('never runs more than the limit of each key, keeps no more keys than it may, and loses no slot', async () => {
    const call = fc.record({
      target: fc.integer({ min: 0, max: 6 }),
      startAt: fc.integer({ min: 0, max: 200 }),
      ms: fc.integer({ min: 0, max: 60 }),
      heeds: fc.boolean(),
      abortAfter: fc.option(fc.integer({ min: 0, max: 50 }), { nil: undefined }),
    })
    const plan = fc.record({
      maxKeys: fc.integer({ min: 1, max: 4 }),
      idleMs: fc.integer({ min: 0, max: 80 }),
      limit: fc.integer({ min: 1, max: 2 }),
      maxQueue: fc.integer({ min: 0, max: 2 }),
      calls: fc.array(call, { minLength: 1, maxLength: 30 }),
    })
    await fc.assert(
      fc.asyncProperty(plan, async ({ maxKeys, idleMs, limit, maxQueue, calls }) => {
        const clock = new TestClock()
        const made: Bulkhead[] = []
        const bulkheads = keyed(
          () => {
            made.push(bulkhead({ limit, maxQueue }))
            return made.at(-1)!
          },
          { maxKeys, idleMs },
        )
        const guarded = pipeline([pick, timeout({ ms: 40 }), bulkheads], { clock })
        const running = new Map<unknown, number>()
        const violations: string[] = []
        const signals: AbortSignal[] = []
        for (const { target, startAt, ms, heeds, abortAfter } of calls) {
          clock.setTimer(startAt, () => {
            const stopping = new AbortController()
            signals.push(stopping.signal)
            if (abortAfter !== undefined) clock.setTimer(abortAfter, () => stopping.abort(new Error('stop')))
            const callee = async (key: unknown, { signal }: { signal: AbortSignal }): Promise<void> => {
              const own = (running.get(key) ?? 0) + 1
              running.set(key, own)
              if (own > limit) violations.push(`${own} at once at ${key}`)
              await (heeds ? afterOrAbort(clock, ms, signal) : after(clock, ms)).finally(() =>
                running.set(key, (running.get(key) ?? 0) - 1),
              )
            }
            guarded.run(callee, target, stopping.signal).catch(() => {})
          })
        }
        await clock.advance(5000)
        await guarded.run(() => 1, 'last')
        expect(violations).toEqual([])
        expect(bulkheads.size).toBeLessThanOrEqual(maxKeys)
        expect(made.map((one) => [one.running, one.queued])).toEqual(made.map(() => [0, 0]))
        await expectNothingLeft(clock, ...signals)
      }),
      { ...SEEDED, numRuns: 200 },
    )
  })
})
