import { ANSWERED, type Call, pipeline, type Stage } from '@comm/core'
import { describe, expect, it } from '@jest/globals'
import { deferred, recorder, TestClock, thenable } from './support.ts'

const fail = (message: string) => (): never => {
  throw new Error(message)
}

describe('the order of a run', () => {
  it('enters outermost first, leaves innermost first, and passes the argument through', async () => {
    const events: string[] = []
    const run = pipeline([recorder('a', events), recorder('b', events)]).run((argument: string) => {
      events.push(`callee ${argument}`)
      return Promise.resolve('result')
    }, 'argument')
    await expect(run).resolves.toBe('result')
    expect(events).toEqual(['a in 1', 'b in 1', 'callee argument', 'b out result', 'a out result'])
  })

  it('runs without any stage', async () => {
    await expect(pipeline([]).run((argument: number) => argument + 1, 1)).resolves.toBe(2)
    await expect(pipeline([]).run(fail('no'), 1)).rejects.toThrow('no')
  })

  it('starts the callee at once, on the stack of the caller', () => {
    let called = false
    void pipeline([{ name: 'nothing' }]).run(() => {
      called = true
    }, undefined)
    expect(called).toBe(true)
  })

  const throwing: readonly [string, Pick<Stage, 'enter'>][] = [
    ['throws', { enter: fail('full') }],
    ['rejects', { enter: () => Promise.reject(new Error('full')) }],
  ]
  it.each(throwing)('leaves only the stages outside one whose enter %s', async (_how, steps) => {
    const events: string[] = []
    const stages = [recorder('a', events), recorder('b', events), recorder('c', events, steps), recorder('d', events)]
    await expect(pipeline(stages).run(fail('not called'), undefined)).rejects.toThrow('full')
    expect(events).toEqual(['a in 1', 'b in 1', 'c in 1', 'b out full', 'a out full'])
  })

  const answer = (call: Call): typeof ANSWERED => {
    call.value = 'cached'
    return ANSWERED
  }
  const answering: readonly [string, Pick<Stage, 'enter'>][] = [
    ['at once', { enter: answer }],
    ['later', { enter: async (call): Promise<typeof ANSWERED> => answer(call) }],
  ]
  it.each(answering)('skips everything inside a stage that answers %s, and leaves that stage', async (_how, steps) => {
    const events: string[] = []
    const stages = [recorder('a', events), recorder('b', events, steps), recorder('c', events)]
    await expect(pipeline(stages).run(fail('not called'), undefined)).resolves.toBe('cached')
    expect(events).toEqual(['a in 1', 'b in 1', 'b out cached', 'a out cached'])
  })

  it('answers after a failed attempt with no trace of the failure', async () => {
    const events: string[] = []
    const again: Stage = { name: 'again', leave: (call) => (call.attempt === 1 ? { afterMs: 0 } : undefined) }
    const cache = recorder('cache', events, { enter: (call) => (call.attempt === 2 ? answer(call) : undefined) })
    await expect(pipeline([again, cache]).run(fail('first'), undefined)).resolves.toBe('cached')
    expect(events).toEqual(['cache in 1', 'cache out first', 'cache in 2', 'cache out cached'])
  })

  const replacing: readonly [string, Pick<Stage, 'leave'>, string][] = [
    ['throws', { leave: fail('replaced') }, 'replaced'],
    ['rejects', { leave: () => Promise.reject(new Error('replaced')) }, 'replaced'],
    [
      'sets it',
      {
        leave(call) {
          call.failed = true
          call.value = undefined
          call.error = new Error('replaced')
        },
      },
      'replaced',
    ],
  ]
  it.each(replacing)('lets leave replace the outcome: %s', async (_how, steps, message) => {
    const events: string[] = []
    const stages = [recorder('a', events), recorder('b', events, steps), recorder('c', events)]
    await expect(pipeline(stages).run(() => 'value', undefined)).rejects.toThrow(message)
    expect(events.slice(3)).toEqual(['c out value', 'b out value', `a out ${message}`])
  })

  it('waits for an asynchronous leave', async () => {
    const events: string[] = []
    const gate = deferred<void>()
    const clock = new TestClock()
    const stages = [recorder('a', events), recorder('b', events, { leave: () => gate.promise })]
    const run = pipeline(stages, { clock }).run(() => 1, undefined)
    await clock.advance(0)
    expect(events).toEqual(['a in 1', 'b in 1', 'b out 1'])
    gate.resolve()
    await expect(run).resolves.toBe(1)
    expect(events.at(-1)).toBe('a out 1')
  })

  it('ignores what enter and leave return by mistake', async () => {
    const odd = { name: 'odd', enter: () => true, leave: () => null } as unknown as Stage
    const odder = { name: 'odder', enter: () => ({}), leave: () => ({ afterMs: 'soon' }) } as unknown as Stage
    await expect(pipeline([odd, odder]).run(() => 1, undefined)).resolves.toBe(1)
  })
})

describe('callees', () => {
  it.each([
    ['a value', () => 7],
    ['a promise', () => Promise.resolve(7)],
    ['a thenable that calls back at once', () => thenable((resolve) => resolve(7))],
    ['a thenable that calls back twice', () => thenable((resolve) => [7, 8].forEach(resolve))],
    ['a thenable with a promise inside', () => thenable((resolve) => resolve(Promise.resolve(7)))],
    [
      'a callable thenable',
      () =>
        Object.assign(
          () => 0,
          thenable((resolve) => resolve(7)),
        ),
    ],
  ])('may return %s', async (_what, callee) => {
    const events: string[] = []
    await expect(pipeline([recorder('a', events)]).run(callee as () => unknown, undefined)).resolves.toBe(7)
    expect(events).toEqual(['a in 1', 'a out 7'])
  })

  it.each([
    ['throw', fail('bad')],
    ['reject', () => Promise.reject(new Error('bad'))],
    ['return a thenable whose then throws', () => thenable(fail('bad'))],
    [
      'return an object whose then cannot be read',
      () =>
        Object.defineProperty({}, 'then', {
          get: fail('bad'),
        }),
    ],
  ])('may %s: the call fails, and its stages are left', async (_what, callee) => {
    const events: string[] = []
    await expect(pipeline([recorder('a', events)]).run(callee as () => unknown, undefined)).rejects.toThrow('bad')
    expect(events).toEqual(['a in 1', 'a out bad'])
  })

  it('may throw what is not an error', async () => {
    await expect(
      pipeline([{ name: 'a' }]).run(() => {
        throw undefined
      }, undefined),
    ).rejects.toBe(undefined)
  })
})

describe('describe and stages', () => {
  it('print and hold the stages, outermost first', () => {
    const [first, second]: Stage[] = [{ name: 'first', description: 'first (1 of 2)' }, { name: 'second' }]
    const both = pipeline([first!, second!])
    expect(both.describe()).toBe('first (1 of 2)\nsecond')
    expect(both.stages).toEqual([first, second])
    expect(Object.isFrozen(both.stages)).toBe(true)
  })

  it('keep their receiver: a stage may be an object with private state', async () => {
    class Counting implements Stage {
      readonly name = 'counting'
      #entered = 0
      enter(): void {
        this.#entered++
      }
      get entered(): number {
        return this.#entered
      }
    }
    const counting = new Counting()
    await pipeline([counting]).run(() => 1, undefined)
    expect(counting.entered).toBe(1)
  })

  it('keep the state of each place apart, also when one stage stands at two', async () => {
    const seen: unknown[] = []
    const stage: Stage = {
      name: 'twice',
      enter: (call, at) => call.setState(at, `state ${at}`),
      leave(call, at) {
        seen.push(call.state(at))
      },
    }
    await pipeline([stage, { name: 'between' }, stage]).run(() => 1, undefined)
    expect(seen).toEqual(['state 2', 'state 0'])
  })
})
