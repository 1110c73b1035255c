import {
  type Call,
  type Callee,
  type Cancellation,
  constantBackoff,
  fallback,
  pipeline,
  retry,
  type Stage,
  timeout,
  withDeadline,
} from '@comm/core'
import { describe, expect, it } from '@jest/globals'
import { abortListeners, after, deferred, expectNothingLeft, recorder, TestClock, thenable, watch } from './support.ts'

const never: Callee<unknown, unknown> = () => deferred().promise

/** A stage through which a test cancels from outside, as a timeout does by its timer. */
function remote(): Stage & { cancel(reason: unknown): void } {
  let entered: { readonly call: Call; readonly at: number } | undefined
  return {
    name: 'remote',
    enter(call, at) {
      entered = { call, at }
    },
    cancel: (reason) => entered?.call.cancel(entered.at, reason),
  }
}

/** Where a call can be waiting when it is aborted. */
const WAITS: readonly [string, Stage, Callee<unknown, unknown>][] = [
  ['a waiting enter', { name: 'slow enter', enter: () => new Promise<void>(() => {}) }, () => 1],
  ['the callee', { name: 'nothing' }, never],
  ['an asynchronous leave', { name: 'slow leave', leave: () => new Promise<void>(() => {}) }, () => 1],
  ['the delay before a rerun', { name: 'rerun', leave: () => ({ afterMs: 1000 }) }, () => 1],
]

describe("the caller's abort", () => {
  it('before the call: nothing is entered, nothing is called', async () => {
    const events: string[] = []
    const clock = new TestClock()
    const aborted = AbortSignal.abort(new Error('stop'))
    const run = pipeline([recorder('a', events)], { clock }).run(() => events.push('called'), undefined, aborted)
    await expect(run).rejects.toThrow('stop')
    expect(events).toEqual([])
    await expectNothingLeft(clock, aborted)
  })

  it.each(WAITS)('during %s: ends it at once with its reason, and leaves nothing behind', async (_what, stage, callee) => {
    const clock = new TestClock()
    const stopping = new AbortController()
    const stages = [timeout({ ms: 5000 }), retry(), stage, timeout({ ms: 4000 })]
    const run = watch(pipeline(stages, { clock }).run(callee, undefined, stopping.signal))
    await clock.advance(1)
    expect(run.outcome).toBe('pending')
    expect(abortListeners(stopping.signal)).toBe(1)
    stopping.abort(new Error('stop'))
    await expectNothingLeft(clock, stopping.signal)
    expect(run.outcome).toEqual({ error: new Error('stop') })
  })

  it.each(WAITS)('after a call that waited for %s has its outcome: nothing happens', async (_what, stage) => {
    const clock = new TestClock()
    const stopping = new AbortController()
    const { enter, leave } = stage
    const quick: Stage = { name: 'quick', ...(enter && { enter: async () => {} }), ...(leave && { leave: async () => {} }) }
    await expect(pipeline([quick], { clock }).run(() => 1, undefined, stopping.signal)).resolves.toBe(1)
    await expectNothingLeft(clock, stopping.signal)
    stopping.abort()
  })

  it('from within the callee, before it has returned', async () => {
    const stopping = new AbortController()
    const signals: AbortSignal[] = []
    const run = pipeline([{ name: 'a' }]).run(
      (_, call) => {
        signals.push(call.signal)
        stopping.abort(new Error('stop'))
        return deferred().promise
      },
      undefined,
      stopping.signal,
    )
    await expect(run).rejects.toThrow('stop')
    expect(signals[0]?.reason).toEqual(new Error('stop'))
  })

  it('is told from other cancellations', async () => {
    const clock = new TestClock()
    const seen: boolean[] = []
    const look: Stage = { name: 'look', leave: (call) => void seen.push(call.abortedByCaller) }
    const stopping = new AbortController()
    void pipeline([timeout({ ms: 10 }), look], { clock })
      .run(never, undefined, stopping.signal)
      .catch(() => {})
    void pipeline([look], { clock })
      .run(never, undefined, stopping.signal)
      .catch(() => {})
    await clock.advance(10)
    stopping.abort()
    expect(seen).toEqual([false, true])
  })
})

it('a deadline stays one, though a listener then aborts as the caller would', async () => {
  const clock = new TestClock()
  const seen: boolean[] = []
  const look: Stage = { name: 'look', leave: (call) => void seen.push(call.abortedByCaller) }
  const stopping = new AbortController()
  const run = withDeadline(
    10,
    () =>
      watch(
        pipeline([look], { clock }).run(
          (_, call) => {
            call.signal.addEventListener('abort', () => stopping.abort())
            return deferred().promise
          },
          undefined,
          stopping.signal,
        ),
      ),
    clock,
  )
  await clock.advance(10)
  expect(run.outcome).toMatchObject({ error: { code: 'COMM_DEADLINE_EXCEEDED' } })
  expect(seen).toEqual([false])
})

describe('a cancellation', () => {
  it('aborts the signal with its reason, also one that is first read later', async () => {
    const cancelling = remote()
    let late: AbortSignal | undefined
    const leaving: Stage = {
      name: 'leaving',
      leave(call) {
        late = call.signal
      },
    }
    const run = pipeline([cancelling, leaving]).run(never, undefined)
    cancelling.cancel(new Error('reason'))
    await expect(run).rejects.toThrow('reason')
    expect(late?.reason).toEqual(new Error('reason'))
  })

  it('tells the same without a signal, to each listener once, also where it is first asked for later', async () => {
    const cancelling = remote()
    const told: string[] = []
    const listener = (name: string) => ({
      handleEvent: ({ target }: { readonly target: unknown }) => void told.push(`${name} ${(target as Cancellation).reason}`),
    })
    const [first, second, gone] = [listener('first'), listener('second'), listener('gone')]
    let late: Cancellation | undefined
    const leaving: Stage = {
      name: 'leaving',
      leave(call) {
        late = call.cancellation
      },
    }
    const run = pipeline([cancelling, leaving]).run((_, { cancellation }) => {
      expect([cancellation.aborted, cancellation.reason]).toEqual([false, undefined])
      for (const each of [first, gone, second, first, second]) cancellation.addEventListener('abort', each)
      cancellation.removeEventListener('abort', gone)
      return deferred().promise
    }, undefined)
    cancelling.cancel('reason')
    await expect(run).rejects.toBe('reason')
    expect(told).toEqual(['first reason', 'second reason'])
    expect([late?.aborted, late?.reason]).toEqual([true, 'reason'])
    const unasked = pipeline([cancelling, leaving]).run(never, undefined)
    cancelling.cancel('other')
    await expect(unasked).rejects.toBe('other')
    expect([late?.aborted, late?.reason]).toEqual([true, 'other'])
  })

  it('of one attempt says nothing to the next, whose cancellation is another', async () => {
    const seen: Cancellation[] = []
    const run = pipeline([retry({ maxRetries: 1, backoff: constantBackoff({ baseMs: 0 }) }), timeout({ ms: 1 })]).run(
      (_, call) => {
        seen.push(call.cancellation)
        return call.attempt === 1 ? deferred().promise : 'done'
      },
      undefined,
    )
    await expect(run).resolves.toBe('done')
    expect(seen.map(({ aborted }) => aborted)).toEqual([true, false])
  })

  it('ends when its stage is left: the stages outside see a signal that is not aborted', async () => {
    const cancelling = remote()
    const seen: string[] = []
    const look: Stage = { name: 'look', leave: (call) => void seen.push(`${call.cancelled} ${call.signal.aborted}`) }
    const run = pipeline([look, cancelling, look]).run((_, call) => {
      expect(call.signal.aborted).toBe(false)
      return deferred().promise
    }, undefined)
    cancelling.cancel(new Error('reason'))
    await expect(run).rejects.toThrow('reason')
    expect(seen).toEqual(['true true', 'false false'])
  })

  it('of the outermost wins, though an inner one came first', async () => {
    const [outer, inner] = [remote(), remote()]
    const slow: Stage = { name: 'slow', leave: () => new Promise<void>(() => {}) }
    const run = pipeline([outer, slow, inner]).run(never, undefined)
    inner.cancel(new Error('inner'))
    outer.cancel(new Error('outer'))
    inner.cancel(new Error('too late'))
    await expect(run).rejects.toThrow('outer')
  })

  it('by an inner stage does not undo that of an outer one', async () => {
    const [outer, inner] = [remote(), remote()]
    const events: string[] = []
    const run = pipeline([outer, inner, recorder('a', events)]).run((_, call) => {
      call.signal.addEventListener('abort', () => inner.cancel(new Error('inner')))
      return deferred().promise
    }, undefined)
    outer.cancel(new Error('outer'))
    await expect(run).rejects.toThrow('outer')
    expect(events).toEqual(['a in 1', 'a out outer'])
  })

  it('gives its reason to every stage inside, whatever the callee answered meanwhile', async () => {
    const cancelling = remote()
    const events: string[] = []
    const run = pipeline([recorder('a', events), cancelling, recorder('b', events)]).run(() => {
      cancelling.cancel(new Error('reason'))
      return 'answer'
    }, undefined)
    await expect(run).rejects.toThrow('reason')
    expect(events.slice(2)).toEqual(['b out reason', 'a out reason'])
  })

  it('inside enter skips what is further in', async () => {
    const cancelling = remote()
    const events: string[] = []
    const cancels = recorder('b', events, { enter: () => cancelling.cancel(new Error('reason')) })
    const run = pipeline([cancelling, cancels, recorder('c', events)]).run(() => events.push('called'), undefined)
    await expect(run).rejects.toThrow('reason')
    expect(events).toEqual(['b in 1', 'b out reason'])
  })

  it('inside leave reaches the stages between', async () => {
    const cancelling = remote()
    const events: string[] = []
    const cancels = recorder('c', events, { leave: () => cancelling.cancel(new Error('reason')) })
    const run = pipeline([cancelling, recorder('b', events), cancels]).run(() => 'answer', undefined)
    await expect(run).rejects.toThrow('reason')
    expect(events.slice(2)).toEqual(['c out answer', 'b out reason'])
  })

  it('by a stage that is not entered, or already left, does nothing', async () => {
    const cancels: Stage = {
      name: 'cancels',
      enter: (call, at) => call.cancel(at, new Error('in enter')),
      leave: (call, at) => call.cancel(at, new Error('in leave')),
    }
    let kept: Call | undefined
    const run = pipeline([cancels]).run((_, call) => {
      kept = call
      return 1
    }, undefined)
    await expect(run).resolves.toBe(1)
    kept?.cancel(0, new Error('after the end'))
    expect(kept?.signal.aborted).toBe(false)
  })

  it('started by an abort listener of another one leaves a rerun alone that it has caused', async () => {
    const clock = new TestClock()
    const [outer, inner] = [remote(), remote()]
    const again: Stage = { name: 'again', leave: (call) => (call.attempt === 1 ? { afterMs: 10 } : undefined) }
    const run = watch(
      pipeline([again, outer, inner], { clock }).run((_, call) => {
        if (call.attempt === 2) return 'second'
        call.signal.addEventListener('abort', () => outer.cancel(new Error('outer')))
        return deferred().promise
      }, undefined),
    )
    inner.cancel(new Error('inner'))
    await clock.advance(9)
    expect(run.outcome).toBe('pending')
    await clock.advance(1)
    expect(run.outcome).toEqual({ value: 'second' })
  })
})

describe('a settlement that comes too late', () => {
  it.each([
    ['success', (gate: ReturnType<typeof deferred>) => gate.resolve('late')],
    ['failure', (gate: ReturnType<typeof deferred>) => gate.reject(new Error('late'))],
  ])('changes nothing: %s', async (_how, settle) => {
    const rejections: unknown[] = []
    const note = (reason: unknown): void => void rejections.push(reason)
    process.on('unhandledRejection', note)
    const clock = new TestClock()
    const gates = { enter: deferred(), callee: deferred(), leave: deferred() }
    const stages: Record<keyof typeof gates, Stage> = {
      enter: { name: 'enter', enter: () => gates.enter.promise as Promise<void> },
      callee: { name: 'callee' },
      leave: { name: 'leave', leave: () => gates.leave.promise as Promise<void> },
    }
    const runs = (Object.keys(gates) as (keyof typeof gates)[]).map((wait) =>
      watch(
        pipeline([timeout({ ms: 10 }), stages[wait]], { clock }).run(
          () => (wait === 'callee' ? gates.callee.promise : 'answer'),
          undefined,
        ),
      ),
    )
    await clock.advance(10)
    for (const gate of Object.values(gates)) settle(gate)
    await clock.advance(10)
    for (const run of runs) expect(run.outcome).toMatchObject({ error: { code: 'COMM_TIMEOUT' } })
    process.off('unhandledRejection', note)
    expect(rejections).toEqual([])
    await expectNothingLeft(clock)
  })

  it('of an enter: what it took is given back, once', async () => {
    const clock = new TestClock()
    let undone = 0
    const gate = deferred<void>()
    const events: string[] = []
    const taking = recorder('taking', events, { enter: () => gate.promise, undo: () => void undone++ })
    const run = watch(pipeline([timeout({ ms: 10 }), taking], { clock }).run(() => events.push('called'), undefined))
    await clock.advance(10)
    expect(undone).toBe(0)
    gate.resolve()
    await clock.advance(0)
    expect(undone).toBe(1)
    expect(events).toEqual(['taking in 1'])
    expect(run.outcome).toMatchObject({ error: { code: 'COMM_TIMEOUT' } })
  })

  it('of an enter that fails: there is nothing to give back', async () => {
    const clock = new TestClock()
    let undone = 0
    const gate = deferred<void>()
    const taking: Stage = { name: 'taking', enter: () => gate.promise, undo: () => void undone++ }
    const run = watch(pipeline([timeout({ ms: 10 }), taking], { clock }).run(() => 1, undefined))
    await clock.advance(10)
    gate.reject(new Error('late'))
    await clock.advance(0)
    expect(undone).toBe(0)
    expect(run.outcome).toMatchObject({ error: { code: 'COMM_TIMEOUT' } })
  })

  it('of a first attempt: the second one has its own outcome', async () => {
    const clock = new TestClock()
    const run = watch(
      pipeline([retry({ maxRetries: 1 }), timeout({ ms: 100 })], { clock }).run(async (_, call) => {
        const { attempt } = call
        await after(clock, attempt === 1 ? 220 : 90)
        return attempt
      }, undefined),
    )
    await clock.advance(1000)
    expect(run.outcome).toEqual({ value: 2 })
  })
})

describe('a fallback', () => {
  it('answers by a promise for a callee that was timed out further in and had read its signal', async () => {
    const clock = new TestClock()
    const run = watch(
      pipeline([fallback(async () => 'answer'), timeout({ ms: 10 })], { clock }).run((_, call) => {
        expect(call.signal.aborted).toBe(false)
        return deferred().promise
      }, undefined),
    )
    await clock.advance(10)
    expect(run.outcome).toEqual({ value: 'answer' })
  })

  it('is not asked when nobody waits for its answer', async () => {
    const clock = new TestClock()
    const stopping = new AbortController()
    let asked = 0
    const answering = fallback(() => ++asked)
    const late = watch(pipeline([timeout({ ms: 10 }), answering], { clock }).run(never, undefined))
    const stopped = watch(pipeline([answering], { clock }).run(never, undefined, stopping.signal))
    stopping.abort(new Error('stop'))
    await clock.advance(10)
    expect(late.outcome).toMatchObject({ error: { code: 'COMM_TIMEOUT' } })
    expect(stopped.outcome).toEqual({ error: new Error('stop') })
    expect(asked).toBe(0)
  })

  it('that comes too late does not touch the outcome', async () => {
    const clock = new TestClock()
    const gate = deferred()
    const run = watch(
      pipeline([timeout({ ms: 10 }), fallback(() => gate.promise)], { clock }).run(() => {
        throw new Error('no')
      }, undefined),
    )
    await clock.advance(10)
    gate.resolve('late')
    await clock.advance(10)
    expect(run.outcome).toMatchObject({ error: { code: 'COMM_TIMEOUT' } })
  })

  it('that comes too late does not touch the next attempt either', async () => {
    const clock = new TestClock()
    const gate = deferred()
    const slow: Stage = { name: 'slow', leave: (call) => (call.attempt === 2 ? after(clock, 5) : undefined) }
    const stages = [
      retry({ maxRetries: 1, random: () => 1 }),
      timeout({ ms: 10 }),
      slow,
      fallback(() => gate.promise, { when: (_error, call) => call.attempt === 1 }),
    ]
    const run = watch(pipeline(stages, { clock }).run(() => Promise.reject(new Error('no')), undefined))
    await clock.advance(10 + 50)
    gate.resolve('late')
    await clock.advance(5)
    expect(run.outcome).toEqual({ error: new Error('no') })
  })

  it.each([
    ['a value', () => 'answer'],
    ['a promise', async () => 'answer'],
    ['a thenable', () => thenable((resolve) => resolve('answer'))],
  ])('may answer with %s', async (_what, answer) => {
    const seen: unknown[] = []
    const stages = [fallback(answer as () => unknown, { onFallback: (error) => seen.push(error) })]
    const failing = (): never => {
      throw new Error('no')
    }
    await expect(pipeline(stages).run(failing, undefined)).resolves.toBe('answer')
    expect(seen).toEqual([new Error('no')])
  })

  it('answers only when it is meant to, and an error of its own is the outcome', async () => {
    const failing = (message: string): never => {
      throw new Error(message)
    }
    const choosy = pipeline([fallback(() => 1, { when: (error) => (error as Error).message === 'this' })])
    await expect(choosy.run(failing, 'this')).resolves.toBe(1)
    await expect(choosy.run(failing, 'that')).rejects.toThrow('that')
    await expect(pipeline([fallback(() => failing('of the fallback'))]).run(failing, 'no')).rejects.toThrow('of the fallback')
  })
})
