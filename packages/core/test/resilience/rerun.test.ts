import { pipeline, type Rerun, retry, type Stage, timeout, withDeadline } from '@comm/core'
import { describe, expect, it } from '@jest/globals'
import { after, deferred, expectNothingLeft, recorder, TestClock, watch } from './support.ts'

function rerunOnce(afterMs: number): Stage {
  return { name: 'rerun once', leave: (call) => (call.attempt === 1 ? { afterMs } : undefined) }
}

describe('a rerun', () => {
  it('enters the stages inside anew, and keeps those outside entered', async () => {
    const events: string[] = []
    const clock = new TestClock()
    const stages = [recorder('a', events), rerunOnce(100), recorder('b', events)]
    const run = watch(pipeline(stages, { clock }).run((_, call) => call.attempt, undefined))
    await clock.advance(99)
    expect(run.outcome).toBe('pending')
    await clock.advance(1)
    expect(run.outcome).toEqual({ value: 2 })
    expect(events).toEqual(['a in 1', 'b in 1', 'b out 1', 'b in 2', 'b out 2', 'a out 2'])
  })

  it('has a signal and a state of its own in each pass', async () => {
    const signals: AbortSignal[] = []
    const states: unknown[] = []
    const keeping: Stage = {
      name: 'keeping',
      enter(call, at) {
        states.push(call.state(at))
        call.setState(at, call.attempt)
      },
    }
    await pipeline([rerunOnce(0), keeping]).run((_, call) => signals.push(call.signal), undefined)
    expect(signals).toHaveLength(2)
    expect(signals[0]).not.toBe(signals[1])
    expect(signals.map((signal) => signal.aborted)).toEqual([false, false])
    expect(states).toEqual([undefined, undefined])
  })

  it('is answered by an asynchronous leave too', async () => {
    const stage: Stage = {
      name: 'a',
      leave: async (call): Promise<Rerun | void> => (call.attempt < 3 ? { afterMs: 0 } : undefined),
    }
    await expect(pipeline([stage]).run((_, call) => call.attempt, undefined)).resolves.toBe(3)
  })

  it('lets timers and aborts have their turn even when it never waits', async () => {
    const forever: Stage = { name: 'forever', leave: () => ({ afterMs: 0 }) }
    const stopping = new AbortController()
    setTimeout(() => stopping.abort(new Error('enough')), 5)
    await expect(pipeline([forever]).run(() => 1, undefined, stopping.signal)).rejects.toThrow('enough')
  })

  it('lets an inner retry start anew in each pass of an outer one', async () => {
    const clock = new TestClock()
    let calls = 0
    const twice = () => retry({ maxRetries: 1 })
    const run = watch(
      pipeline([twice(), twice()], { clock }).run(() => {
        calls++
        throw new Error('no')
      }, undefined),
    )
    await clock.advance(10_000)
    expect(run.outcome).toEqual({ error: new Error('no') })
    expect(calls).toBe(4)
  })

  it('restores the deadline that a stage inside had lowered', async () => {
    const clock = new TestClock()
    const deadlines: number[] = []
    const look: Stage = { name: 'look', leave: (call) => void deadlines.push(call.deadlineAt) }
    await withDeadline(
      1000,
      () => pipeline([look, rerunOnce(0), timeout({ ms: 100 }), look], { clock }).run(() => 1, undefined),
      clock,
    )
    expect(deadlines).toEqual([100, 100, 1000])
  })
})

describe('a rerun is refused, and the outcome stands', () => {
  const always = (afterMs: number): Stage => ({ name: 'always', leave: () => ({ afterMs }) })

  it('when its delay does not end before the deadline', async () => {
    const clock = new TestClock()
    const run = withDeadline(100, () => watch(pipeline([always(100)], { clock }).run(() => 'outcome', undefined)), clock)
    await clock.advance(0)
    expect(run.outcome).toEqual({ value: 'outcome' })
    await expectNothingLeft(clock)
  })

  it('when its delay does not end before that of a timeout outside', async () => {
    const clock = new TestClock()
    const run = watch(pipeline([timeout({ ms: 100 }), always(60)], { clock }).run((_, call) => call.attempt, undefined))
    await clock.advance(60)
    expect(run.outcome).toEqual({ value: 2 })
    await expectNothingLeft(clock)
  })

  it('when the caller has aborted', async () => {
    const clock = new TestClock()
    const stopping = new AbortController()
    let calls = 0
    const run = watch(
      pipeline([always(1)], { clock }).run(
        () => {
          calls++
          stopping.abort(new Error('stop'))
          return 1
        },
        undefined,
        stopping.signal,
      ),
    )
    await clock.advance(10)
    expect(run.outcome).toEqual({ error: new Error('stop') })
    expect(calls).toBe(1)
    await expectNothingLeft(clock, stopping.signal)
  })

  it('when a stage outside has cancelled', async () => {
    const clock = new TestClock()
    let calls = 0
    const run = watch(
      pipeline([timeout({ ms: 50 }), always(1)], { clock }).run(async () => {
        calls++
        await after(clock, 200)
      }, undefined),
    )
    await clock.advance(50)
    expect(run.outcome).toMatchObject({ error: { code: 'COMM_TIMEOUT' } })
    await clock.advance(200)
    expect(calls).toBe(1)
  })

  it('but not when the stage itself, or one inside it, has cancelled', async () => {
    const clock = new TestClock()
    const never = deferred()
    const run = watch(
      pipeline([retry({ maxRetries: 1 }), timeout({ ms: 50 })], { clock }).run(
        (_, call) => (call.attempt === 1 ? never.promise : 'second'),
        undefined,
      ),
    )
    await clock.advance(50 + 100)
    expect(run.outcome).toEqual({ value: 'second' })
  })
})

describe('a pass that is cancelled during its delay', () => {
  it('is left by the stage that asked for it, with the reason', async () => {
    const events: string[] = []
    const clock = new TestClock()
    const stopping = new AbortController()
    const stages = [recorder('a', events), recorder('b', events, rerunOnce(100)), recorder('c', events)]
    const run = watch(pipeline(stages, { clock }).run(() => 'first', undefined, stopping.signal))
    await clock.advance(50)
    stopping.abort(new Error('stop'))
    await expectNothingLeft(clock, stopping.signal)
    expect(run.outcome).toEqual({ error: new Error('stop') })
    expect(events).toEqual(['a in 1', 'b in 1', 'c in 1', 'c out first', 'b out first', 'b out stop', 'a out stop'])
  })
})
