import {
  CommunicationError,
  constantBackoff,
  HttpStatusError,
  pipeline,
  RateLimitedError,
  type RetryEvent,
  type RetryOptions,
  retry,
  retryBudget,
  timeout,
  ValidationError,
  withDeadline,
} from '@comm/core'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { after, expectNothingLeft, SEEDED, TestClock, watch } from './support.ts'

const steady = (baseMs: number) => constantBackoff({ baseMs, jitter: 0 })

/** When the attempts of a callee that fails with these errors (the last one for ever) began. */
async function attemptsOf(options: RetryOptions, ...errors: readonly unknown[]): Promise<readonly number[]> {
  const clock = new TestClock()
  const attempts: number[] = []
  const run = watch(
    pipeline([retry(options)], { clock }).run(() => {
      attempts.push(clock.now())
      throw errors[Math.min(attempts.length, errors.length) - 1]
    }, undefined),
  )
  await clock.advance(1e9)
  expect(run.outcome).toEqual({ error: errors[Math.min(attempts.length, errors.length) - 1] })
  await expectNothingLeft(clock)
  return attempts
}

describe('a retry', () => {
  it('tries again after a failure, as often as allowed, and ends with the last outcome', async () => {
    expect(await attemptsOf({ maxRetries: 3, backoff: steady(10) }, new Error('1'), new Error('2'))).toEqual([0, 10, 20, 30])
    expect(await attemptsOf({ maxRetries: 0 }, new Error('1'))).toEqual([0])
  })

  it('by default tries twice more', async () => {
    expect(await attemptsOf({}, new Error('no'))).toHaveLength(3)
    expect(await attemptsOf({ maxRetries: undefined, maxHintMs: undefined } as object, new Error('no'))).toHaveLength(3)
  })

  it.each([
    ['of the caller', new ValidationError('wrong')],
    ['that are not worth it', new HttpStatusError('not found', { status: 404 })],
    ['that say so', new CommunicationError('no', { code: 'COMM_CONNECTION', retryable: false })],
  ])('does not try again for errors %s', async (_whose, error) => {
    expect(await attemptsOf({}, error)).toEqual([0])
  })

  it.each([
    ['a status that is', new HttpStatusError('busy', { status: 503, retryable: true })],
    ['anything unknown', 'thrown text'],
  ])('tries again for %s', async (_what, error) => {
    expect(await attemptsOf({ maxRetries: 1, backoff: steady(1) }, error)).toEqual([0, 1])
  })

  it('does not make a call twice that is not safe', async () => {
    expect(await attemptsOf({ isSafe: () => false }, new Error('no'))).toEqual([0])
  })

  it('takes a result for a failure when told so', async () => {
    const clock = new TestClock()
    const run = watch(
      pipeline([retry({ classify: ({ value }) => (value === 503 ? 'failure' : 'success'), backoff: steady(1) })], { clock }).run(
        (_, call) => (call.attempt === 1 ? 503 : 200),
        undefined,
      ),
    )
    await clock.advance(1)
    expect(run.outcome).toEqual({ value: 200 })
  })

  it('waits as long as the callee asked, but not less than its own delay', async () => {
    const asking = (retryAfterMs: number): Error =>
      new HttpStatusError('busy', { status: 503, retryable: true, details: { retryAfterMs } })
    expect(await attemptsOf({ backoff: steady(10), maxRetries: 2 }, asking(500), asking(1))).toEqual([0, 500, 510])
  })

  it('gives up when the callee asks for more than it will wait', async () => {
    const asking = new HttpStatusError('busy', { status: 503, retryable: true, details: { retryAfterMs: 1001 } })
    expect(await attemptsOf({ maxHintMs: 1000 }, asking)).toEqual([0])
  })

  it.each([Number.NaN, -5, undefined])('takes a hint of %p for none', async (hint) => {
    expect(await attemptsOf({ hint: () => hint, backoff: steady(10), maxRetries: 1 }, new Error('no'))).toEqual([0, 10])
  })

  it('tells of each retry that comes, and of no other', async () => {
    const events: RetryEvent[] = []
    const clock = new TestClock()
    const stages = [retry({ maxRetries: 5, backoff: steady(40), onRetry: (event) => events.push(event) })]
    const error = new Error('no')
    const run = withDeadline(100, () => watch(pipeline(stages, { clock }).run(() => Promise.reject(error), undefined)), clock)
    await clock.advance(100)
    expect(run.outcome).toEqual({ error })
    expect(events).toEqual([
      { retry: 1, afterMs: 40, error },
      { retry: 2, afterMs: 40, error },
    ])
  })

  it('takes nothing from its budget for a retry that cannot come', async () => {
    const clock = new TestClock()
    const budget = retryBudget({ ratio: 0, minPerSecond: 0, capacity: 5, clock })
    const rich = { ...budget, withdraw: () => withdrawn.push(clock.now()) > 0 }
    const withdrawn: number[] = []
    const guarded = pipeline([timeout({ ms: 100 }), retry({ budget: rich, backoff: steady(200) })], { clock })
    const late = watch(guarded.run(() => Promise.reject(new Error('no')), undefined))
    const slow = watch(guarded.run(() => after(clock, 1000), undefined))
    await clock.advance(1000)
    expect(late.outcome).toEqual({ error: new Error('no') })
    expect(slow.outcome).toMatchObject({ error: { code: 'COMM_TIMEOUT' } })
    expect(withdrawn).toEqual([])
  })

  it('tells of no retry after an abort, whatever classify says', async () => {
    const clock = new TestClock()
    const stopping = new AbortController()
    const events: RetryEvent[] = []
    const always = retry({ classify: () => 'failure', onRetry: (event) => events.push(event) })
    const run = watch(pipeline([always], { clock }).run(() => after(clock, 10), undefined, stopping.signal))
    stopping.abort(new Error('stop'))
    await clock.advance(1000)
    expect(run.outcome).toEqual({ error: new Error('stop') })
    expect(events).toEqual([])
  })

  it('does not ask again what a policy inside refused', async () => {
    expect(await attemptsOf({}, new RateLimitedError('used up', { details: { retryAfterMs: 10 } }))).toEqual([0])
  })

  it('makes at most maxRetries + 1 attempts, and never sleeps past the deadline', async () => {
    const plan = fc.record({
      maxRetries: fc.integer({ min: 0, max: 5 }),
      deadlineMs: fc.option(fc.integer({ min: 1, max: 400 }), { nil: undefined }),
      timeoutMs: fc.integer({ min: 1, max: 60 }),
      delays: fc.array(fc.integer({ min: 0, max: 150 }), { minLength: 1, maxLength: 6 }),
      callees: fc.array(
        fc.record({ ms: fc.integer({ min: 0, max: 80 }), fails: fc.boolean(), hintMs: fc.integer({ min: -1, max: 200 }) }),
        { minLength: 1, maxLength: 6 },
      ),
      abortAt: fc.option(fc.integer({ min: 0, max: 300 }), { nil: undefined }),
    })
    await fc.assert(
      fc.asyncProperty(plan, async ({ maxRetries, deadlineMs, timeoutMs, delays, callees, abortAt }) => {
        const clock = new TestClock()
        const stopping = new AbortController()
        if (abortAt !== undefined) clock.setTimer(abortAt, () => stopping.abort(new Error('stop')))
        const pastDeadline: number[] = []
        let attempts = 0
        let endedAt = Number.NaN
        const guarded = pipeline(
          [
            retry({
              maxRetries,
              backoff: { description: 'planned', delayMs: ({ retry: at }) => delays[at % delays.length] ?? 0 },
              onRetry: ({ afterMs }) => {
                if (clock.now() + afterMs >= (deadlineMs ?? Number.POSITIVE_INFINITY)) pastDeadline.push(clock.now() + afterMs)
              },
            }),
            timeout({ ms: timeoutMs }),
          ],
          { clock },
        )
        const run = (): Promise<unknown> =>
          guarded.run(
            async () => {
              const { ms, fails, hintMs } = callees[attempts++ % callees.length]!
              await after(clock, ms)
              if (fails) throw new CommunicationError('no', { retryable: true, details: { retryAfterMs: hintMs } })
            },
            undefined,
            stopping.signal,
          )
        const ended = (deadlineMs === undefined ? run() : withDeadline(deadlineMs, run, clock)).finally(() => {
          endedAt = clock.now()
        })
        const outcome = watch(ended)
        await clock.advance(5000)
        expect(outcome.outcome).not.toBe('pending')
        expect(attempts).toBeLessThanOrEqual(maxRetries + 1)
        expect(endedAt).toBeLessThanOrEqual(Math.min(deadlineMs ?? 5000, abortAt ?? 5000))
        expect(pastDeadline).toEqual([])
        await expectNothingLeft(clock, stopping.signal)
      }),
      { ...SEEDED, numRuns: 200 },
    )
  })
})

describe('a retry budget', () => {
  it('allows a share of the calls, and a few per second in any case', async () => {
    const clock = new TestClock()
    const budget = retryBudget({ ratio: 0.5, minPerSecond: 2, capacity: 10, clock })
    expect(budget.balance).toBe(2)
    expect([budget.withdraw(), budget.withdraw(), budget.withdraw()]).toEqual([true, true, false])
    budget.deposit()
    budget.deposit()
    expect([budget.withdraw(), budget.withdraw()]).toEqual([true, false])
    await clock.advance(500)
    expect([budget.withdraw(), budget.withdraw()]).toEqual([true, false])
    await clock.advance(1e6)
    expect(budget.balance).toBe(10)
  })

  it('loses nothing, and gains nothing, by a clock that goes back', () => {
    let now = 10_000
    const clock = { ...new TestClock(), now: () => now, wall: () => now, setTimer: () => ({ cancel() {} }) }
    const budget = retryBudget({ minPerSecond: 1, clock })
    const before = budget.balance
    now = 0
    expect(budget.balance).toBe(before)
    now = 10_000
    expect(budget.balance).toBe(before)
  })

  it('is never exceeded, over all pipelines that share it', async () => {
    const plan = fc.record({
      ratio: fc.double({ min: 0, max: 1, noNaN: true }),
      minPerSecond: fc.integer({ min: 0, max: 5 }),
      capacity: fc.integer({ min: 1, max: 20 }),
      calls: fc.array(fc.integer({ min: 0, max: 3000 }), { minLength: 1, maxLength: 40 }),
    })
    await fc.assert(
      fc.asyncProperty(plan, async ({ ratio, minPerSecond, capacity, calls }) => {
        const clock = new TestClock()
        const budget = retryBudget({ ratio, minPerSecond, capacity, clock })
        let retries = 0
        let deposits = 0
        const pipelines = [1, 2].map(() =>
          pipeline([retry({ maxRetries: 5, budget, backoff: steady(5), onRetry: () => retries++ })], { clock }),
        )
        calls.forEach((startAt, index) => {
          clock.setTimer(startAt, () => {
            deposits++
            pipelines[index % 2]!.run(() => Promise.reject(new Error('no')), undefined).catch(() => {})
          })
        })
        for (let step = 0; step < 32; step++) {
          await clock.advance(100)
          const allowed = Math.min(capacity, minPerSecond) + ratio * deposits + (minPerSecond * clock.now()) / 1000
          expect(retries).toBeLessThanOrEqual(allowed + 1e-6)
        }
        await expectNothingLeft(clock)
      }),
      { ...SEEDED, numRuns: 50 },
    )
  })
})
