import { pipeline, retry, type Stage, systemClock, timeout, withDeadline } from '@comm/core'
import { describe, expect, it } from '@jest/globals'
import { after, deferred, expectNothingLeft, TestClock, watch } from './support.ts'

const never = () => deferred().promise

describe('a timeout', () => {
  it('ends the call on time, though the callee ignores its signal, and says which limit it was', async () => {
    const clock = new TestClock()
    const run = watch(pipeline([timeout({ ms: 800 })], { clock }).run(never, undefined))
    await clock.advance(799)
    expect(run.outcome).toBe('pending')
    await clock.advance(1)
    expect(run.outcome).toMatchObject({
      error: { code: 'COMM_TIMEOUT', message: 'no answer within 800 ms', details: { limit: 'timeout', ms: 800, attempt: 1 } },
    })
    await expectNothingLeft(clock)
  })

  it('inside a retry is for each attempt, outside for the whole', async () => {
    const clock = new TestClock()
    const stages = [timeout({ ms: 250 }), retry({ maxRetries: 9, random: () => 0 }), timeout({ ms: 100 })]
    const attempts: number[] = []
    const run = watch(
      pipeline(stages, { clock }).run((_, call) => {
        attempts.push(clock.now())
        return call.signal && never()
      }, undefined),
    )
    await clock.advance(250)
    expect(attempts).toEqual([0, 200])
    expect(run.outcome).toMatchObject({ error: { details: { ms: 250 } } })
    await expectNothingLeft(clock)
  })

  it('leaves it to an enclosing deadline that comes first, or at the same time', async () => {
    for (const outerMs of [50, 100]) {
      const clock = new TestClock()
      const run = watch(pipeline([timeout({ ms: outerMs }), timeout({ ms: 100 })], { clock }).run(never, undefined))
      expect(clock.pendingTimers).toBe(1)
      await clock.advance(outerMs)
      expect(run.outcome).toMatchObject({ error: { details: { ms: outerMs } } })
      await expectNothingLeft(clock)
    }
  })

  it('started later but due at the same time as an enclosing one leaves it to that one', async () => {
    const clock = new TestClock()
    const slow: Stage = { name: 'slow', enter: () => after(clock, 40) }
    const run = watch(pipeline([timeout({ ms: 100 }), slow, timeout({ ms: 60 })], { clock }).run(never, undefined))
    await clock.advance(40)
    expect(clock.pendingTimers).toBe(1)
    await clock.advance(60)
    expect(run.outcome).toMatchObject({ error: { details: { ms: 100 } } })
  })

  it('names the attempt that was too slow', async () => {
    const clock = new TestClock()
    const run = watch(pipeline([retry({ maxRetries: 1 }), timeout({ ms: 10 })], { clock }).run(never, undefined))
    await clock.advance(1000)
    expect(run.outcome).toMatchObject({ error: { message: 'no answer within 10 ms (attempt 2)' } })
  })

  it('of 0 ms lets a callee through that answers at once', async () => {
    const clock = new TestClock()
    const hasty = pipeline([timeout({ ms: 0 })], { clock })
    await expect(hasty.run(() => 1, undefined)).resolves.toBe(1)
    const run = watch(hasty.run(never, undefined))
    await clock.advance(0)
    expect(run.outcome).toMatchObject({ error: { code: 'COMM_TIMEOUT' } })
    await expectNothingLeft(clock)
  })

  it('longer than setTimeout can hold does not fire at once', async () => {
    const patient = pipeline([timeout({ ms: 2 ** 31 + 5 })], { clock: systemClock })
    await expect(patient.run(() => new Promise((resolve) => setTimeout(resolve, 5, 'answer')), undefined)).resolves.toBe('answer')
  })
})

describe('timeouts of one length', () => {
  it('share one timer, and fire in order, each at its own time', async () => {
    const clock = new TestClock()
    const guarded = pipeline([timeout({ ms: 100 })], { clock })
    const fired: string[] = []
    for (const startAt of [0, 10, 10, 60]) {
      await clock.advance(startAt - clock.now())
      const name = `${startAt}`
      guarded.run(never, undefined).catch(() => fired.push(`${name} at ${clock.now()}`))
    }
    expect(clock.pendingTimers).toBe(1)
    await clock.advance(1000)
    expect(fired).toEqual(['0 at 100', '10 at 110', '10 at 110', '60 at 160'])
    await expectNothingLeft(clock)
  })

  it('keep their time when those before them are done', async () => {
    const clock = new TestClock()
    const guarded = pipeline([timeout({ ms: 100 })], { clock })
    const gate = deferred()
    const first = guarded.run(() => gate.promise, undefined)
    await clock.advance(30)
    const second = watch(guarded.run(never, undefined))
    gate.resolve(1)
    await first
    await clock.advance(99)
    expect(second.outcome).toBe('pending')
    await clock.advance(1)
    expect(second.outcome).toMatchObject({ error: { code: 'COMM_TIMEOUT' } })
  })

  it('may start a call of the same length when they fire', async () => {
    const clock = new TestClock()
    const stages = [retry({ maxRetries: 2, backoff: { description: 'none', delayMs: () => 0 } }), timeout({ ms: 100 })]
    const runs = [1, 2, 3].map(() => watch(pipeline(stages, { clock }).run(never, undefined)))
    await clock.advance(299)
    expect(runs.map((run) => run.outcome)).toEqual(['pending', 'pending', 'pending'])
    await clock.advance(1)
    for (const run of runs) expect(run.outcome).toMatchObject({ error: { details: { attempt: 3 } } })
    await expectNothingLeft(clock)
  })
})

describe('the deadline of the call context', () => {
  it('ends the call, and is not taken for a limit of its own', async () => {
    const clock = new TestClock()
    const guarded = pipeline([timeout({ ms: 800 })], { clock })
    const run = withDeadline(100, () => watch(guarded.run(never, undefined)), clock)
    await clock.advance(100)
    expect(run.outcome).toMatchObject({
      error: {
        name: 'TimeoutError',
        code: 'COMM_DEADLINE_EXCEEDED',
        retryable: false,
        message: 'the deadline of the request that caused this call has passed',
        details: { limit: 'deadline' },
      },
    })
    await expectNothingLeft(clock)
  })

  it('that has passed refuses the call without making it', async () => {
    const clock = new TestClock()
    const events: string[] = []
    const stage = { name: 'a', enter: () => void events.push('entered') }
    const run = withDeadline(0, () => pipeline([stage], { clock }).run(() => events.push('called'), undefined), clock)
    await expect(run).rejects.toMatchObject({ code: 'COMM_DEADLINE_EXCEEDED' })
    expect(events).toEqual([])
    await expectNothingLeft(clock)
  })
})
