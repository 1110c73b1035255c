import {
  type AccessToken,
  AuthenticationError,
  ConnectionError,
  cachedTokenSource,
  currentContext,
  silentLogger,
  withContext,
} from '@comm/core'
import { TestClock } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'

/** A token server in memory: `answer` decides what the next fetch gives. */
function server(clock: TestClock, lifeMs = 100_000) {
  let count = 0
  const state = {
    get fetches(): number {
      return count
    },
    answer: (): AccessToken | Promise<AccessToken> => ({ value: `t${count}`, type: 'Bearer', expiresAt: clock.wall() + lifeMs }),
    fetch: (signal: AbortSignal): AccessToken | Promise<AccessToken> => {
      count++
      state.signal = signal
      return state.answer()
    },
    signal: undefined as AbortSignal | undefined,
  }
  return state
}

describe('a cached token source', () => {
  it('fetches once for all who wait, then gives the held token without a promise', async () => {
    const clock = new TestClock()
    const tokens = server(clock)
    const source = cachedTokenSource(tokens.fetch, { clock })
    const got = await Promise.all([source.token(), source.token(), source.token()])
    expect(got.map(({ value }) => value)).toEqual(['t1', 't1', 't1'])
    expect(source.token()).toMatchObject({ value: 't1' })
    expect(tokens.fetches).toBe(1)
    expect(clock.pendingTimers).toBe(0)
  })

  it('refreshes early, in the background, while the old one is handed out', async () => {
    const clock = new TestClock()
    const tokens = server(clock)
    const source = cachedTokenSource(tokens.fetch, { clock, refreshBeforeMs: 30_000 })
    await source.token()
    await clock.advance(69_999)
    expect(source.token()).toMatchObject({ value: 't1' })
    expect(tokens.fetches).toBe(1)
    const slow = Promise.withResolvers<AccessToken>()
    tokens.answer = () => slow.promise
    await clock.advance(1)
    expect(source.token()).toMatchObject({ value: 't1' })
    expect(source.token()).toMatchObject({ value: 't1' })
    expect(tokens.fetches).toBe(2)
    slow.resolve({ value: 'fresh', type: 'Bearer' })
    await clock.advance(0)
    expect(source.token()).toMatchObject({ value: 'fresh' })
    await clock.advance(1e9)
    expect(source.token()).toMatchObject({ value: 'fresh' })
    expect(tokens.fetches).toBe(2)
  })

  it('does not refresh a short-lived token all the time', async () => {
    const clock = new TestClock()
    const tokens = server(clock, 1000)
    const source = cachedTokenSource(tokens.fetch, { clock })
    await source.token()
    await clock.advance(499)
    await source.token()
    expect(tokens.fetches).toBe(1)
    await clock.advance(1)
    await source.token()
    await clock.advance(0)
    expect(source.token()).toMatchObject({ value: 't2' })
  })

  it('lets one caller leave without ending the fetch for the others', async () => {
    const clock = new TestClock()
    const tokens = server(clock)
    const slow = Promise.withResolvers<AccessToken>()
    tokens.answer = () => slow.promise
    const source = cachedTokenSource(tokens.fetch, { clock })
    const impatient = new AbortController()
    const left = source.token(impatient.signal)
    const stays = source.token()
    impatient.abort(new Error('enough'))
    await expect(left).rejects.toThrow('enough')
    expect(tokens.signal?.aborted).toBe(false)
    slow.resolve({ value: 'late', type: 'Bearer' })
    expect(await stays).toMatchObject({ value: 'late' })
    expect(() => source.token(impatient.signal)).not.toThrow()
  })

  it('uses the held token while a refresh fails, tries again after the delay, and fails when it has run out', async () => {
    const clock = new TestClock()
    const tokens = server(clock)
    const warnings: string[] = []
    const logger = { ...silentLogger, warn: (message: string) => void warnings.push(message) }
    const source = cachedTokenSource(tokens.fetch, { clock, logger, name: 'orders', refreshBeforeMs: 50_000, retryDelayMs: 5000 })
    await source.token()
    tokens.answer = () => Promise.reject(new ConnectionError('auth.test:443 refused the connection'))
    await clock.advance(50_000)
    for (const expected of [2, 2, 3]) {
      expect(source.token()).toMatchObject({ value: 't1' })
      await clock.advance(2500)
      expect(tokens.fetches).toBe(expected)
    }
    expect(warnings).toHaveLength(2)
    await clock.advance(50_000)
    const failed = source.token()
    await expect(failed).rejects.toThrow(AuthenticationError)
    await expect(failed).rejects.toMatchObject({
      message: 'orders has no access token: auth.test:443 refused the connection',
      code: 'COMM_AUTHENTICATION',
      retryable: true,
    })
    tokens.answer = () => ({ value: 'back', type: 'Bearer' })
    expect(await source.token()).toMatchObject({ value: 'back' })
  })

  it('drops a refused token, but not the fresh one that is refused at once, nor for an old one', async () => {
    const clock = new TestClock()
    const tokens = server(clock)
    const source = cachedTokenSource(tokens.fetch, { clock, retryDelayMs: 1000 })
    const first = await source.token()
    source.refused?.(first)
    const second = await source.token()
    expect(second.value).toBe('t2')
    source.refused?.(first)
    source.refused?.(second)
    expect(source.token()).toBe(second)
    await clock.advance(1000)
    source.refused?.(second)
    expect(await source.token()).toMatchObject({ value: 't3' })
  })

  it('fetches outside of every call, and not longer than the limit', async () => {
    const clock = new TestClock()
    const tokens = server(clock)
    let context: unknown = 'not called'
    tokens.answer = () => {
      context = currentContext()
      return new Promise(() => undefined)
    }
    const failed = withContext({ correlationId: 'c1' }, async () =>
      cachedTokenSource(tokens.fetch, { clock, timeoutMs: 2000 }).token(),
    )
    const checked = expect(failed).rejects.toThrow(
      'token source has no access token: token source: no access token came within 2000 ms',
    )
    await clock.advance(2000)
    await checked
    expect(context).toBeUndefined()
    expect(tokens.signal?.aborted).toBe(true)
    expect(clock.pendingTimers).toBe(0)
  })

  it.each([
    ['no value', { value: '', type: 'Bearer' }],
    ['a line break', { value: 'SECRET\r\nx: y', type: 'Bearer' }],
    ['no type', { value: 'SECRET', type: undefined as never }],
    ['an odd end', { value: 'SECRET', type: 'Bearer', expiresAt: Number.NaN }],
    ['nothing', undefined as never],
  ])('refuses a token with %s, and shows none', async (_what, token) => {
    const error = await Promise.resolve(cachedTokenSource(() => token).token()).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(AuthenticationError)
    expect(JSON.stringify(error) + String(error)).not.toContain('SECRET')
  })

  it('refuses wrong options', () => {
    expect(() => cachedTokenSource(7 as never)).toThrow('cachedTokenSource fetch must be a function, got 7')
    expect(() => cachedTokenSource(() => ({ value: 'x', type: 'Bearer' }), { refreshBeforeMs: -1 })).toThrow(
      'cachedTokenSource.refreshBeforeMs must be a finite number >= 0, got -1',
    )
  })
})
