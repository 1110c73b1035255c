import { AsyncLocalStorage } from 'node:async_hooks'
import { setImmediate as nextTurn } from 'node:timers/promises'
import {
  type CallContext,
  ConfigurationError,
  ContextScope,
  currentContext,
  isCorrelationId,
  newCorrelationId,
  runInContext,
  withContext,
  withDeadline,
} from '@comm/core'
import { TestClock } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'

function contextOf(change: Partial<CallContext>): CallContext {
  return withContext(change, () => currentContext() as CallContext)
}

describe('the call context', () => {
  it('is absent outside of any call', () => {
    expect(currentContext()).toBeUndefined()
  })

  it('travels through asynchronous code and ends with it', async () => {
    const seen = await runInContext({ correlationId: 'a' }, async () => {
      await nextTurn()
      return currentContext()?.correlationId
    })
    expect(seen).toBe('a')
    expect(currentContext()).toBeUndefined()
  })

  it('keeps calls that run side by side apart', async () => {
    const ids = Array.from({ length: 50 }, (_, index) => `call-${index}`)
    const seen = await Promise.all(
      ids.map((correlationId) =>
        runInContext({ correlationId }, async () => {
          await nextTurn()
          return currentContext()?.correlationId
        }),
      ),
    )
    expect(seen).toEqual(ids)
  })

  it('makes up a correlation id only where there is none', () => {
    const outermost = contextOf({})
    expect(isCorrelationId(outermost.correlationId)).toBe(true)
    expect(Object.keys(outermost)).toEqual(['correlationId'])
    expect(runInContext(outermost, () => contextOf({}).correlationId)).toBe(outermost.correlationId)
    expect(runInContext(outermost, () => contextOf({ correlationId: 'b' }).correlationId)).toBe('b')
  })

  it('inherits what is absent or undefined', () => {
    const { signal } = new AbortController()
    const principal = { subject: 'ada', method: 'jwt', scopes: [], roles: [], attributes: {} }
    const outer = { correlationId: 'a', deadlineAt: 5, signal, correlationHeader: 'X-Request-ID', principal }
    const sloppy = { correlationId: undefined, deadlineAt: undefined, signal: undefined } as unknown as Partial<CallContext>
    expect(runInContext(outer, () => contextOf({}))).toEqual(outer)
    expect(runInContext(outer, () => contextOf(sloppy))).toEqual(outer)
  })

  it('lets the earlier deadline win, whichever is outside', () => {
    const outer = { correlationId: 'a', deadlineAt: 100 }
    expect(runInContext(outer, () => contextOf({ deadlineAt: 50 }).deadlineAt)).toBe(50)
    expect(runInContext(outer, () => contextOf({ deadlineAt: 150 }).deadlineAt)).toBe(100)
  })

  it('aborts when the caller outside or the one inside has gone away', () => {
    for (const index of [0, 1]) {
      const controllers = [new AbortController(), new AbortController()] as const
      const outer = { correlationId: 'a', signal: controllers[0].signal }
      const inner = runInContext(outer, () => contextOf({ signal: controllers[1].signal }))
      expect(inner.signal?.aborted).toBe(false)
      controllers[index]?.abort('gone')
      expect(inner.signal?.reason).toBe('gone')
    }
    const { signal } = new AbortController()
    expect(runInContext({ correlationId: 'a', signal }, () => contextOf({ signal }).signal)).toBe(signal)
  })

  it('is shared with a second install of the package', async () => {
    const second: typeof import('../src/context.ts') = await import(`../src/context.ts?${'second-install'}`)
    expect(second.currentContext).not.toBe(currentContext)
    expect(runInContext({ correlationId: 'a' }, () => second.currentContext()?.correlationId)).toBe('a')
  })
})

describe('a scope', () => {
  const other = new AsyncLocalStorage<string>()
  const seen = (): unknown => [other.getStore(), currentContext()?.correlationId]
  const scope = other.run('maker', () => runInContext({ correlationId: 'maker' }, () => new ContextScope()))

  it('runs a call in the context of its maker, inside its own, whoever calls', async () => {
    const call = async (argument: number): Promise<unknown> => {
      const atOnce = seen()
      await nextTurn()
      return [argument, atOnce, seen()]
    }
    const found = await other.run('caller', () =>
      runInContext({ correlationId: 'caller' }, () => {
        const running = ['a', 'b'].map((correlationId, index) => scope.run({ correlationId }, call, index))
        return Promise.all([...running, seen()])
      }),
    )
    expect(found).toEqual([
      [0, ['maker', 'a'], ['maker', 'a']],
      [1, ['maker', 'b'], ['maker', 'b']],
      ['caller', 'caller'],
    ])
  })

  it('gives a call its own context back after another that it made', () => {
    const around = (): unknown => [scope.run({ correlationId: 'b' }, seen, undefined), seen()]
    expect(scope.run({ correlationId: 'a' }, around, undefined)).toEqual([
      ['maker', 'b'],
      ['maker', 'a'],
    ])
  })

  it('leaves nothing of a call that throws', () => {
    const fail = (text: string): never => {
      throw new Error(text)
    }
    expect(() => scope.run({ correlationId: 'a' }, fail, 'broken')).toThrow('broken')
    expect(seen()).toEqual([undefined, undefined])
  })
})

describe('withDeadline', () => {
  const clock = new TestClock()
  const deadlineAfter = (ms: number): number | undefined => withDeadline(ms, () => currentContext()?.deadlineAt, clock)

  it('sets a deadline from now on; a past one is now', async () => {
    await clock.advance(1000)
    expect(deadlineAfter(250)).toBe(1250)
    expect(deadlineAfter(-5)).toBe(1000)
    expect(deadlineAfter(Number.POSITIVE_INFINITY)).toBeUndefined()
  })

  it('refuses what is no number', () => {
    expect(() => deadlineAfter(Number.NaN)).toThrow(ConfigurationError)
    expect(() => deadlineAfter(Number.NaN)).toThrow('withDeadline ms must be a finite number or Infinity, got NaN')
  })
})

describe('a correlation id', () => {
  it('is made up differently every time', () => {
    expect(newCorrelationId()).not.toBe(newCorrelationId())
    expect(isCorrelationId(newCorrelationId())).toBe(true)
  })

  it.each([['a'], ['4bf92f35-77b3'], ['x'.repeat(128)], ['order:7/retry=1']])('may be %p', (id) => {
    expect(isCorrelationId(id)).toBe(true)
  })

  it.each([[''], ['x'.repeat(129)], ['two words'], ['line\nbreak'], ['null\0'], ['schön'], [7], [null], [['a']]])(
    'may not be %p',
    (id) => {
      expect(isCorrelationId(id)).toBe(false)
    },
  )
})
