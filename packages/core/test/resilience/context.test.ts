import { currentContext, pipeline, retry, runInContext, type Stage, timeout, withContext } from '@comm/core'
import { describe, expect, it } from '@jest/globals'
import { abortListeners, deferred, expectNothingLeft, TestClock, watch } from './support.ts'

const correlationId = (): string | undefined => currentContext()?.correlationId

describe('the call context', () => {
  it('has a signal that ends the call', async () => {
    const clock = new TestClock()
    const [own, contexts] = [new AbortController(), new AbortController()]
    const run = withContext({ signal: contexts.signal }, () =>
      watch(pipeline([{ name: 'a' }], { clock }).run(() => deferred().promise, undefined, own.signal)),
    )
    expect([abortListeners(own.signal), abortListeners(contexts.signal)]).toEqual([1, 1])
    contexts.abort(new Error('gone'))
    await expectNothingLeft(clock, own.signal, contexts.signal)
    expect(run.outcome).toEqual({ error: new Error('gone') })
  })

  it('with an aborted signal refuses the call', async () => {
    const run = withContext({ signal: AbortSignal.abort(new Error('gone')) }, () => pipeline([]).run(() => 1, undefined))
    await expect(run).rejects.toThrow('gone')
  })

  it('leaves no listener on a signal that outlives many calls', async () => {
    const clock = new TestClock()
    const [own, contexts] = [new AbortController(), new AbortController()]
    await withContext({ signal: contexts.signal }, async () => {
      const guarded = pipeline([retry(), timeout({ ms: 10 })], { clock })
      for (let call = 0; call < 100; call++) await guarded.run(async () => call, undefined, own.signal)
    })
    await expectNothingLeft(clock, own.signal, contexts.signal)
  })

  it('is that of its own call in a rerun after a timer that two calls share', async () => {
    const clock = new TestClock()
    const guarded = pipeline([retry({ maxRetries: 1 }), timeout({ ms: 100 })], { clock })
    const seen: string[] = []
    for (const id of ['one', 'two']) {
      runInContext({ correlationId: id }, () => {
        void guarded
          .run((_, call) => {
            seen.push(`${id} ${call.attempt} as ${correlationId()}`)
            return call.attempt === 1 ? deferred().promise : undefined
          }, undefined)
          .then(() => seen.push(`${id} done as ${correlationId()}`))
      })
    }
    await runInContext({ correlationId: 'of the clock' }, () => clock.advance(1000))
    expect(seen.toSorted()).toEqual([
      'one 1 as one',
      'one 2 as one',
      'one done as one',
      'two 1 as two',
      'two 2 as two',
      'two done as two',
    ])
  })

  it('is that of the call, not of who aborts it or gives it its turn', async () => {
    const clock = new TestClock()
    const seen: (string | undefined)[] = []
    const look: Stage = { name: 'look', leave: () => void seen.push(correlationId()) }
    const stopping = new AbortController()
    runInContext({ correlationId: 'of the call' }, () => {
      void pipeline([look], { clock })
        .run(
          (_, call) => {
            call.signal.addEventListener('abort', () => seen.push(correlationId()))
            return deferred().promise
          },
          undefined,
          stopping.signal,
        )
        .catch(() => seen.push(correlationId()))
    })
    runInContext({ correlationId: 'of somebody else' }, () => stopping.abort())
    await clock.advance(0)
    expect(seen).toEqual(['of the call', 'of the call', 'of the call'])
  })
})
