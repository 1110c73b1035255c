import {
  BREAKER_DEFAULTS,
  type Breaker,
  type BreakerOptions,
  BulkheadFullError,
  breaker,
  HttpStatusError,
  type Pipeline,
  pipeline,
  timeout,
  ValidationError,
} from '@comm/core'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { after, deferred, expectNothingLeft, SEEDED, TestClock, watch } from './support.ts'

interface Guarded {
  readonly clock: TestClock
  readonly guard: Breaker
  readonly guarded: Pipeline
  readonly changes: string[]
  call(outcome: 'ok' | 'bad'): Promise<unknown>
}

function guardedBy(options: BreakerOptions): Guarded {
  const clock = new TestClock()
  const changes: string[] = []
  const guard = breaker({ onStateChange: ({ from, to }) => changes.push(`${from} > ${to}`), ...options })
  const guarded = pipeline([guard], { clock })
  const call = (outcome: 'ok' | 'bad'): Promise<unknown> =>
    guarded
      .run(() => {
        if (outcome === 'bad') throw new Error('bad')
        return outcome
      }, undefined)
      .catch((error: Error & { readonly code?: string }) => error.code ?? error.message)
  return { clock, guard, guarded, changes, call }
}

async function fail({ call }: Guarded, times: number): Promise<void> {
  for (let time = 0; time < times; time++) await call('bad')
}

describe('a breaker', () => {
  it('opens at its share of failures, not before its minimum of calls', async () => {
    const one = guardedBy({ failureRatio: 0.5, minimumCalls: 4 })
    await one.call('ok')
    await fail(one, 2)
    expect(one.guard.state).toBe('closed')
    await one.call('ok')
    expect(one.guard.state).toBe('open')
    expect(one.changes).toEqual(['closed > open'])
  })

  it('compares shares exactly: 7 of 100 is 0.07', async () => {
    const one = guardedBy({ failureRatio: 0.07, minimumCalls: 100 })
    await fail(one, 7)
    for (let call = 0; call < 93; call++) await one.call('ok')
    expect(one.guard.state).toBe('open')
  })

  it('with a window smaller than the default minimum judges a full window', async () => {
    const one = guardedBy({ window: { calls: 3 } })
    await fail(one, 3)
    expect(one.guard.state).toBe('open')
  })

  it('with a window of time forgets what is older', async () => {
    const one = guardedBy({ window: { ms: 1000 }, minimumCalls: 2 })
    await fail(one, 1)
    await one.clock.advance(1000)
    await fail(one, 1)
    expect(one.guard.state).toBe('closed')
    await fail(one, 1)
    expect(one.guard.state).toBe('open')
  })

  it('opens after failures in a row', async () => {
    const one = guardedBy({ consecutiveFailures: 3 })
    await fail(one, 2)
    await one.call('ok')
    await fail(one, 2)
    expect(one.guard.state).toBe('closed')
    await fail(one, 1)
    expect(one.guard.state).toBe('open')
  })

  it('opens for slow calls that succeed', async () => {
    const { clock, guard, guarded } = guardedBy({ slowCallMs: 100, slowCallRatio: 0.5, minimumCalls: 2 })
    for (const ms of [101, 100]) {
      const run = guarded.run(() => after(clock, ms), undefined)
      await clock.advance(ms)
      await run
    }
    expect(guard.state).toBe('open')
  })

  it('while open calls nothing and says when it will', async () => {
    const one = guardedBy({ name: 'users', consecutiveFailures: 1, openMs: 1000 })
    await fail(one, 1)
    await one.clock.advance(400)
    let called = false
    await expect(one.guarded.run(() => (called = true), undefined)).rejects.toMatchObject({
      name: 'CircuitBreakerOpenError',
      code: 'COMM_BREAKER_OPEN',
      message: 'users is open for another 600 ms; the call was not made',
      details: { breaker: 'users', retryAfterMs: 600 },
    })
    expect(called).toBe(false)
  })

  it('lets its probes through when half open, and closes when all succeed', async () => {
    const { clock, guard, guarded, changes, call } = guardedBy({ consecutiveFailures: 1, openMs: 1000, halfOpenCalls: 2 })
    await call('bad')
    await clock.advance(1000)
    const gates = [deferred(), deferred()]
    const probes = gates.map((gate) => guarded.run(() => gate.promise, undefined))
    expect(guard.state).toBe('half-open')
    expect(await call('ok')).toBe('COMM_BREAKER_OPEN')
    gates[0]?.resolve(1)
    await probes[0]
    expect(await call('ok')).toBe('COMM_BREAKER_OPEN')
    gates[1]?.resolve(1)
    await probes[1]
    expect(changes).toEqual(['closed > open', 'open > half-open', 'half-open > closed'])
    expect(await call('ok')).toBe('ok')
  })

  it('opens again when a probe fails, each time for longer, up to a ceiling', async () => {
    const one = guardedBy({ consecutiveFailures: 1, openMs: 100, openGrowth: 3, maxOpenMs: 500 })
    for (const openMs of [100, 300, 500, 500]) {
      await fail(one, 1)
      await one.clock.advance(openMs - 1)
      expect(await one.call('ok')).toBe('COMM_BREAKER_OPEN')
      await one.clock.advance(1)
    }
    expect(await one.call('ok')).toBe('ok')
    await fail(one, 1)
    await one.clock.advance(100)
    expect(await one.call('ok')).toBe('ok')
  })

  it('stays open as long as it is told, also beyond the default ceiling', async () => {
    const one = guardedBy({ consecutiveFailures: 1, openMs: 2 * BREAKER_DEFAULTS.maxOpenMs })
    await fail(one, 1)
    await one.clock.advance(2 * BREAKER_DEFAULTS.maxOpenMs - 1)
    expect(await one.call('ok')).toBe('COMM_BREAKER_OPEN')
  })

  it('survives a growth that leaves the numbers', async () => {
    const one = guardedBy({ consecutiveFailures: 1, openMs: 1, openGrowth: 1e200, maxOpenMs: 10 })
    for (let time = 0; time < 5; time++) {
      await fail(one, 1)
      await one.clock.advance(10)
    }
    expect(await one.call('ok')).toBe('ok')
  })

  it('gives the place of a probe that says nothing to another one', async () => {
    const { clock, guard, guarded, call } = guardedBy({ consecutiveFailures: 1, openMs: 100 })
    await call('bad')
    await clock.advance(100)
    const stopping = new AbortController()
    const aborted = watch(guarded.run(() => deferred().promise, undefined, stopping.signal))
    stopping.abort()
    await clock.advance(0)
    expect(aborted.outcome).toMatchObject({ error: { name: 'AbortError' } })
    expect(guard.state).toBe('half-open')
    expect(await call('ok')).toBe('ok')
    expect(guard.state).toBe('closed')
  })

  it('gives back the place of a probe whose classify throws', async () => {
    let broken = false
    const one = guardedBy({
      consecutiveFailures: 1,
      openMs: 100,
      classify: ({ failed }) => {
        if (broken) throw new Error('classify')
        return failed ? 'failure' : 'success'
      },
    })
    await fail(one, 1)
    await one.clock.advance(100)
    broken = true
    expect(await one.call('ok')).toBe('classify')
    broken = false
    expect(await one.call('ok')).toBe('ok')
    expect(one.guard.state).toBe('closed')
  })

  it('takes a probe that is timed out and left behind for a failure', async () => {
    const clock = new TestClock()
    const guard = breaker({ consecutiveFailures: 1, openMs: 100 })
    const guarded = pipeline([guard, timeout({ ms: 10 })], { clock })
    for (const waitMs of [10, 100, 10]) {
      guarded.run(() => deferred().promise, undefined).catch(() => {})
      await clock.advance(waitMs)
    }
    expect(guard.state).toBe('open')
    await expectNothingLeft(clock)
  })

  it('does not count outcomes of calls that began in another state', async () => {
    const { clock, guard, guarded, call } = guardedBy({ consecutiveFailures: 2, openMs: 100 })
    const gates = [deferred(), deferred()]
    const old = gates.map((gate) => watch(guarded.run(() => gate.promise, undefined)))
    await call('bad')
    await call('bad')
    await clock.advance(100)
    const probe = deferred()
    const probing = guarded.run(() => probe.promise, undefined)
    gates[0]?.reject(new Error('old'))
    gates[1]?.resolve('old')
    await clock.advance(0)
    expect(old.map(({ outcome }) => outcome)).toEqual([{ error: new Error('old') }, { value: 'old' }])
    expect(guard.state).toBe('half-open')
    probe.resolve(1)
    await probing
    expect(guard.state).toBe('closed')
  })

  it('ignores what says nothing about the callee', async () => {
    const one = guardedBy({ consecutiveFailures: 1 })
    const ignored = [
      new ValidationError('wrong'),
      new BulkheadFullError('full'),
      new HttpStatusError('not found', { status: 404 }),
    ]
    for (const error of ignored) await one.guarded.run(() => Promise.reject(error), undefined).catch(() => {})
    expect(one.guard.state).toBe('closed')
    await one.guarded.run(() => Promise.reject(new HttpStatusError('down', { status: 500 })), undefined).catch(() => {})
    expect(one.guard.state).toBe('open')
  })

  it('can be isolated by hand with calls under way, until it is reset', async () => {
    const { clock, guard, guarded, changes, call } = guardedBy({ name: 'users', consecutiveFailures: 1 })
    const gate = deferred()
    const underWay = watch(guarded.run(() => gate.promise, undefined))
    guard.isolate()
    gate.reject(new Error('bad'))
    await clock.advance(1e9)
    expect(underWay.outcome).toEqual({ error: new Error('bad') })
    await expect(guarded.run(() => 1, undefined)).rejects.toThrow('users was isolated by hand; reset() closes it')
    guard.isolate()
    guard.reset()
    expect(await call('ok')).toBe('ok')
    expect(changes).toEqual(['closed > isolated', 'isolated > closed'])
  })

  it('forgets what it counted when it is reset', async () => {
    const one = guardedBy({ consecutiveFailures: 2 })
    await fail(one, 1)
    one.guard.reset()
    await fail(one, 1)
    expect(one.guard.state).toBe('closed')
  })

  it('in two pipelines judges them together', async () => {
    const shared = breaker({ consecutiveFailures: 2 })
    for (const guarded of [pipeline([shared]), pipeline([shared])])
      await guarded.run(() => Promise.reject(new Error('bad')), undefined).catch(() => {})
    expect(shared.state).toBe('open')
  })

  it('never calls while open, and never lets more probes through than allowed', async () => {
    const plan = fc.record({
      consecutiveFailures: fc.integer({ min: 1, max: 3 }),
      halfOpenCalls: fc.integer({ min: 1, max: 3 }),
      openMs: fc.integer({ min: 1, max: 60 }),
      calls: fc.array(
        fc.record({
          startAt: fc.integer({ min: 0, max: 300 }),
          ms: fc.integer({ min: 0, max: 60 }),
          end: fc.constantFrom('ok' as const, 'bad' as const, 'bad' as const, 'abort' as const),
        }),
        { minLength: 1, maxLength: 40 },
      ),
    })
    await fc.assert(
      fc.asyncProperty(plan, async ({ consecutiveFailures, halfOpenCalls, openMs, calls }) => {
        const clock = new TestClock()
        let openedAt = Number.NEGATIVE_INFINITY
        let probes = 0
        const violations: string[] = []
        const guard = breaker({
          consecutiveFailures,
          halfOpenCalls,
          openMs,
          onStateChange({ to }) {
            if (to === 'open') openedAt = clock.now()
            if (to === 'half-open') probes = 0
          },
        })
        const guarded = pipeline([guard], { clock })
        for (const { startAt, ms, end } of calls) {
          clock.setTimer(startAt, () => {
            const stopping = new AbortController()
            const callee = async (): Promise<void> => {
              const probing = guard.state === 'half-open'
              if (guard.state === 'open') violations.push(`called at ${clock.now()} while open`)
              if (probing && clock.now() < openedAt + openMs) violations.push(`probed at ${clock.now()}, opened at ${openedAt}`)
              if (probing && ++probes > halfOpenCalls) violations.push(`probe ${probes} at ${clock.now()}`)
              try {
                await after(clock, ms)
              } finally {
                // An aborted probe is replaced: only those under way and those that succeeded are counted.
                if (probing && end === 'abort') probes--
              }
              if (end === 'abort') stopping.abort()
              if (end === 'bad') throw new Error('bad')
            }
            guarded.run(callee, undefined, stopping.signal).catch(() => {})
          })
        }
        await clock.advance(1000)
        expect(violations).toEqual([])
        await expectNothingLeft(clock)
      }),
      { ...SEEDED, numRuns: 200 },
    )
  })
})
