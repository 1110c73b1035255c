import { type Breaker, breaker, bulkhead, pipeline, type RunInside, retry, type Stage, timeout } from '@comm/core'
import { describe, expect, it } from '@jest/globals'
import { after, deferred, expectNothingLeft, recorder, TestClock, watch } from './support.ts'

function around(takeOver: (runInside: RunInside) => Promise<unknown>): Stage {
  return { name: 'around', around: (_call, _at, runInside) => takeOver(runInside) }
}

const plain = around((runInside) => runInside())

/** Two runs at once; the first answer wins and the other run is aborted. */
const hedge = around(async (runInside) => {
  const losing = new AbortController()
  const runs = ['first', 'second'].map((target) => runInside({ target, signal: losing.signal }))
  for (const run of runs) run.catch(() => {})
  try {
    return await Promise.race(runs)
  } finally {
    losing.abort(new Error('lost'))
  }
})

describe('an around stage', () => {
  it('stands in its place of the order', async () => {
    const events: string[] = []
    const recording = { ...recorder('around', events), around: plain.around! }
    const stages = [recorder('a', events), recording, recorder('b', events)]
    await expect(pipeline(stages).run((argument: number) => argument + 1, 1)).resolves.toBe(2)
    expect(events).toEqual(['a in 1', 'around in 1', 'b in 1', 'b out 2', 'around out 2', 'a out 2'])
  })

  it('may answer without running what is inside', async () => {
    const stages = [around(async () => 'answer'), { name: 'a' }]
    await expect(
      pipeline(stages).run(() => {
        throw new Error('called')
      }, undefined),
    ).resolves.toBe('answer')
  })

  it('may be the innermost stage, and stand inside another', async () => {
    await expect(pipeline([plain, { name: 'a' }, plain]).run((argument: number) => argument, 5)).resolves.toBe(5)
  })

  it('gives each run a target of its own, by default that of the call', async () => {
    const targets: unknown[] = []
    const pick: Stage = {
      name: 'pick',
      enter(call) {
        call.target = 'picked'
      },
    }
    const both = around(async (runInside) => [await runInside(), await runInside({ target: 'other' })])
    await pipeline([pick, both, { name: 'a' }]).run((_, call) => targets.push(call.target), undefined)
    expect(targets).toEqual(['picked', 'other'])
  })

  it('passes the attempt of the outer run on', async () => {
    const again: Stage = { name: 'again', leave: (call) => (call.attempt === 1 ? { afterMs: 0 } : undefined) }
    await expect(pipeline([again, plain, { name: 'a' }]).run((_, call) => call.attempt, undefined)).resolves.toBe(2)
  })

  it('lets the first of two runs win, and aborts the other', async () => {
    const clock = new TestClock()
    const aborted: unknown[] = []
    const judged: Breaker = breaker({ minimumCalls: 1, window: { calls: 2 }, failureRatio: 0.1 })
    const run = watch(
      pipeline([hedge, judged], { clock }).run(async (_, call) => {
        const { target, signal } = call
        signal.addEventListener('abort', () => aborted.push(target))
        await after(clock, target === 'first' ? 50 : 20)
        return target
      }, undefined),
    )
    await clock.advance(20)
    expect(run.outcome).toEqual({ value: 'second' })
    expect(aborted).toEqual(['first'])
    await clock.advance(30)
    expect(judged.state).toBe('closed')
    await expectNothingLeft(clock)
  })
})

describe('a cancellation outside an around stage', () => {
  it('reaches the callee, and says whose deadline it was', async () => {
    const clock = new TestClock()
    const seen: boolean[] = []
    const look: Stage = { name: 'look', leave: (call) => void seen.push(call.abortedByCaller) }
    let signal: AbortSignal | undefined
    const run = watch(
      pipeline([timeout({ ms: 100 }), plain, look], { clock }).run((_, call) => {
        signal = call.signal
        expect(call.deadlineAt).toBe(100)
        return deferred().promise
      }, undefined),
    )
    await clock.advance(100)
    expect(run.outcome).toMatchObject({ error: { code: 'COMM_TIMEOUT', details: { ms: 100 } } })
    expect(signal?.reason).toMatchObject({ code: 'COMM_TIMEOUT' })
    expect(seen).toEqual([false])
    await expectNothingLeft(clock)
  })

  it('by the caller is the callers abort inside too', async () => {
    const clock = new TestClock()
    const seen: boolean[] = []
    const look: Stage = { name: 'look', leave: (call) => void seen.push(call.abortedByCaller) }
    const stopping = new AbortController()
    const run = watch(pipeline([plain, look], { clock }).run(() => deferred().promise, undefined, stopping.signal))
    stopping.abort(new Error('stop'))
    await expectNothingLeft(clock, stopping.signal)
    expect(run.outcome).toEqual({ error: new Error('stop') })
    expect(seen).toEqual([true])
  })

  it('ends the delay of a retry inside', async () => {
    const clock = new TestClock()
    const run = watch(
      pipeline([timeout({ ms: 300 }), plain, { name: 'again', leave: () => ({ afterMs: 200 }) }], { clock }).run(
        () => 1,
        undefined,
      ),
    )
    await clock.advance(299)
    expect(run.outcome).toEqual({ value: 1 })
    const stopping = new AbortController()
    const stopped = watch(
      pipeline([plain, { name: 'again', leave: () => ({ afterMs: 200 }) }], { clock }).run(() => 1, undefined, stopping.signal),
    )
    stopping.abort(new Error('stop'))
    await expectNothingLeft(clock, stopping.signal)
    expect(stopped.outcome).toEqual({ error: new Error('stop') })
  })

  it('that came before a run inside begins refuses it', async () => {
    const clock = new TestClock()
    let called = 0
    const late = around(async (runInside) => {
      await after(clock, 20)
      return runInside()
    })
    void pipeline([timeout({ ms: 10 }), late, { name: 'a' }], { clock })
      .run(() => called++, undefined)
      .catch(() => {})
    await clock.advance(30)
    expect(called).toBe(0)
  })
})

describe('a bulkhead outside an around stage keeps its slot until every callee has settled', () => {
  it('when the outer run is cancelled', async () => {
    const clock = new TestClock()
    const outer = bulkhead({ limit: 1 })
    const run = watch(
      pipeline([outer, timeout({ ms: 10 }), plain, { name: 'a' }], { clock }).run(() => after(clock, 100), undefined),
    )
    await clock.advance(10)
    expect(run.outcome).toMatchObject({ error: { code: 'COMM_TIMEOUT' } })
    expect(outer.running).toBe(1)
    await clock.advance(90)
    expect(outer.running).toBe(0)
  })

  it('when a timeout inside gives up', async () => {
    const clock = new TestClock()
    const outer = bulkhead({ limit: 1 })
    const run = watch(
      pipeline([outer, plain, { name: 'a' }, plain, timeout({ ms: 10 })], { clock }).run(() => after(clock, 100), undefined),
    )
    await clock.advance(10)
    expect(run.outcome).toMatchObject({ error: { code: 'COMM_TIMEOUT' } })
    expect(outer.running).toBe(1)
    await clock.advance(90)
    expect(outer.running).toBe(0)
  })

  it('when a hedge has its answer and the loser ignores that it lost', async () => {
    const clock = new TestClock()
    const outer = bulkhead({ limit: 1 })
    const run = watch(
      pipeline([outer, hedge, { name: 'a' }], { clock }).run(
        (_, call) => after(clock, call.target === 'first' ? 10 : 60),
        undefined,
      ),
    )
    await clock.advance(10)
    expect(run.outcome).toEqual({ value: undefined })
    expect(outer.running).toBe(1)
    await clock.advance(50)
    expect(outer.running).toBe(0)
  })

  it('and frees it at once when all have', async () => {
    const outer = bulkhead({ limit: 1 })
    const protectedCall = pipeline([outer, plain, retry({ maxRetries: 1 })])
    await protectedCall.run(() => 1, undefined)
    expect(outer.running).toBe(0)
  })
})
