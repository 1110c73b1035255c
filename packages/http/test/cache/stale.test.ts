import { BulkheadFullError, CommunicationError, ConnectionError, ValidationError } from '@comm/core'
import { describe, expect, it } from '@jest/globals'
import { failureOf, until } from '../support/local-server.ts'
import { type Handler, origin } from './support.ts'

describe('stale-while-revalidate', () => {
  it('gives the stale answer and fetches a new one meanwhile, once', async () => {
    const { ask, clock, requests, cache } = origin(() => ({
      headers: { 'cache-control': 'max-age=10, stale-while-revalidate=60' },
    }))
    await ask('/')
    await clock.advance(15_000)
    const both = await Promise.all([ask('/'), ask('/')])
    expect(both.map((answer) => answer.text())).toEqual(['answer 1', 'answer 1'])
    expect(both[0]?.headers).toMatchObject({ age: '15', 'cache-status': 'comm; hit; ttl=-5' })
    await clock.advance(0)
    expect(requests.length).toBe(2)
    expect((await ask('/')).text()).toBe('answer 2')
    expect(cache.statistics()).toMatchObject({ stale: 2, hits: 1, misses: 1 })
  })

  it('fetches the whole, whatever this caller has already', async () => {
    const { ask, clock, requests } = origin(() => ({
      headers: { 'cache-control': 'max-age=10, stale-while-revalidate=60', etag: '"1"' },
    }))
    await ask('/')
    await clock.advance(15_000)
    expect((await ask('/', { headers: { range: 'bytes=0-2', a: '1' } })).status).toBe(206)
    await clock.advance(0)
    expect(requests[1]?.headers).toEqual({ a: '1', 'if-none-match': '"1"' })
  })

  it('ends where it says, and where a failure of the fetch is nobody’s', async () => {
    const { ask, clock, requests } = origin(
      (_, nth) => {
        if (nth === 2) throw new ConnectionError('down')
        return { headers: { 'cache-control': 'max-age=10' } }
      },
      { staleWhileRevalidateMs: 20_000 },
    )
    await ask('/')
    await clock.advance(15_000)
    expect((await ask('/')).text()).toBe('answer 1')
    await clock.advance(16_000)
    expect((await ask('/')).text()).toBe('answer 3')
    expect(requests.length).toBe(3)
  })

  it('is not for what must be validated', async () => {
    const { ask, clock } = origin(() => ({
      headers: { 'cache-control': 'max-age=10, must-revalidate, stale-while-revalidate=60' },
    }))
    await ask('/')
    await clock.advance(15_000)
    expect((await ask('/')).text()).toBe('answer 2')
  })
})

describe('stale-if-error', () => {
  const failing =
    (failure: number | Error, cacheControl = 'max-age=10, stale-if-error=60'): Handler =>
    (_, nth) => {
      if (nth === 1) return { headers: { 'cache-control': cacheControl } }
      if (typeof failure === 'number') return { status: failure }
      throw failure
    }

  it.each<[string, number | Error]>([
    ['a 500', 500],
    ['a 503', 503],
    ['a broken connection', new ConnectionError('broken')],
    ['a certificate', new ConnectionError('tls', { retryable: false })],
    ['a policy that refuses', new BulkheadFullError('full')],
  ])('stands in for %s', async (_what, failure) => {
    const { ask, clock, cache } = origin(failing(failure))
    await ask('/')
    await clock.advance(15_000)
    const answer = await ask('/')
    expect([answer.status, answer.text(), answer.headers['cache-status']]).toEqual([
      200,
      'answer 1',
      'comm; hit; fwd=stale; detail=stale-if-error; ttl=-5',
    ])
    expect(cache.statistics()).toMatchObject({ stale: 1, misses: 1 })
  })

  it('does not hide what is no failure of the server', async () => {
    for (const failure of [404, 501]) {
      const { ask, clock } = origin(failing(failure))
      await ask('/')
      await clock.advance(15_000)
      expect((await ask('/')).status).toBe(failure)
    }
    for (const failure of [new ValidationError('wrong'), new CommunicationError('aborted', { code: 'COMM_ABORTED' })]) {
      const { ask, clock } = origin(failing(failure))
      await ask('/')
      await clock.advance(15_000)
      expect(await failureOf(ask('/'))).toBe(failure)
    }
  })

  it.each(['max-age=10', 'max-age=10, stale-if-error=4', 'max-age=10, must-revalidate, stale-if-error=60'])(
    'not with %s',
    async (cacheControl) => {
      const { ask, clock } = origin(failing(503, cacheControl))
      await ask('/')
      await clock.advance(15_000)
      expect((await ask('/')).status).toBe(503)
    },
  )

  it('by option, by rule, and by request', async () => {
    const ways: [Parameters<typeof origin>[1], Record<string, string>][] = [
      [{ staleIfErrorMs: 60_000 }, {}],
      [{ rules: [{ match: '/', staleIfErrorMs: 60_000 }] }, {}],
      [{ staleWhileRevalidateMs: 1, rules: [{ match: '/', staleIfErrorMs: 6000 }] }, { 'cache-control': 'stale-if-error=60' }],
    ]
    for (const [options, headers] of ways) {
      const { ask, clock } = origin(failing(503, 'max-age=10'), options)
      await ask('/')
      await clock.advance(15_000)
      expect((await ask('/', { headers })).status).toBe(200)
    }
  })

  it('reaches all who waited for the server', async () => {
    const gate = Promise.withResolvers<void>()
    const { ask, clock, requests } = origin(async (_, nth) => {
      if (nth === 1) return { headers: { 'cache-control': 'max-age=10, stale-if-error=60' } }
      await gate.promise
      throw new ConnectionError('down')
    })
    await ask('/')
    await clock.advance(15_000)
    const all = [1, 2, 3].map(() => ask('/'))
    await until(() => requests.length === 2)
    gate.resolve()
    expect((await Promise.all(all)).map((answer) => answer.text())).toEqual(Array(3).fill('answer 1'))
    expect(requests.length).toBe(2)
  })
})
