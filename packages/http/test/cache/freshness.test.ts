import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { judge, type Wishes } from '../../src/cache/verdict.ts'
import { always, origin, type Said } from './support.ts'

const PAST = 'Wed, 01 Jan 2020 00:00:00 GMT'

/** How many requests two askings with `secondsBetween` between them cost the server. */
async function cost(said: Said, secondsBetween: number, options: Parameters<typeof origin>[1] = {}): Promise<number> {
  const { ask, clock, requests } = origin(() => said, options)
  await ask('/')
  await clock.advance(secondsBetween * 1000)
  await ask('/')
  return requests.length
}

describe('how long an answer is fresh', () => {
  it.each<[Record<string, string>, number, number]>([
    [{ 'cache-control': 'max-age=60' }, 59, 1],
    [{ 'cache-control': 'max-age=60' }, 60, 2],
    [{ 'cache-control': 'MAX-AGE="60"' }, 59, 1],
    [{ 'cache-control': 'max-age=60, max-age=5' }, 10, 2],
    [{ 'cache-control': 'ext="max-age=3600", max-age=1' }, 10, 2],
    [{ 'cache-control': "max-age='60'" }, 1, 2],
    [{ 'cache-control': 'max-age=5, s-maxage=60' }, 30, 1],
    [{ 'cache-control': 'max-age=60', age: '50' }, 11, 2],
    [{ 'cache-control': 'max-age=60', age: 'abc' }, 1, 2],
    [{ 'cache-control': 'max-age=60', date: PAST }, 1, 2],
    [{ expires: 'Thu, 01 Jan 2026 00:01:00 GMT' }, 59, 1],
    [{ expires: 'Thu, 01 Jan 2026 00:01:00 GMT' }, 61, 2],
    [{ expires: '0' }, 1, 2],
    [{ expires: 'Thu, 01 Jan 2026 00:01:00 AEST' }, 1, 2],
    [{ expires: PAST, 'cache-control': 'max-age=60' }, 59, 1],
    [{ 'last-modified': 'Wed, 31 Dec 2025 23:59:00 GMT' }, 5, 1],
    [{ 'last-modified': 'Wed, 31 Dec 2025 23:59:00 GMT' }, 7, 2],
    [{}, 1, 2],
    [{ 'cache-control': 'no-store, max-age=60' }, 1, 2],
    [{ 'cache-control': 'private, max-age=60' }, 1, 2],
    [{ 'cache-control': 'no-cache, max-age=60' }, 1, 2],
    [{ pragma: 'no-cache', expires: 'Thu, 01 Jan 2026 00:01:00 GMT' }, 1, 2],
    [{ 'cache-control': 'max-age=60', vary: '*' }, 1, 2],
    [{ 'cache-control': 'max-age=60', 'set-cookie': 'id=7' }, 1, 2],
    [{ 'cache-control': 'public, max-age=60', 'set-cookie': 'id=7' }, 1, 1],
    [{ 'cache-control': 'must-revalidate, max-age=60' }, 59, 1],
    [{ 'cache-control': 'proxy-revalidate, max-age=60' }, 59, 1],
  ])('%j, asked again after %d s: %d requests', async (headers, seconds, requests) => {
    expect(await cost({ headers }, seconds)).toBe(requests)
  })

  it.each<[number, Record<string, string>, number]>([
    [404, { 'cache-control': 'max-age=60' }, 1],
    [500, { 'cache-control': 'max-age=60' }, 1],
    [599, { 'cache-control': 'max-age=60' }, 1],
    [599, { 'cache-control': 'max-age=60, must-understand' }, 2],
    [200, { 'cache-control': 'max-age=60, no-store, must-understand' }, 1],
    [302, { 'cache-control': 'max-age=60' }, 1],
    [302, { 'last-modified': PAST }, 2],
    [404, { 'last-modified': PAST }, 1],
    [403, { 'last-modified': PAST }, 2],
    [206, { 'cache-control': 'max-age=60' }, 2],
  ])('status %d with %j: %d requests', async (status, headers, requests) => {
    expect(await cost({ status, headers }, 1)).toBe(requests)
  })

  it('a cache of one user keeps what is private, and cookies', async () => {
    const mode = { mode: 'private' as const }
    expect(await cost({ headers: { 'cache-control': 'private, max-age=60' } }, 1, mode)).toBe(1)
    expect(await cost({ headers: { 'cache-control': 'max-age=60', 'set-cookie': 'id=7' } }, 1, mode)).toBe(1)
    expect(await cost({ headers: { 'cache-control': 's-maxage=60' } }, 1, mode)).toBe(2)
  })

  it('gives the age of what it gives, and the headers that were stored', async () => {
    const { ask, clock } = origin(
      always({ 'cache-control': 'max-age=60', age: '7', connection: 'x-hop', 'x-hop': '1', 'x-end': '2' }),
    )
    await ask('/')
    await clock.advance(3500)
    const { headers, status, attempts } = await ask('/')
    expect([status, attempts]).toEqual([200, 0])
    expect(headers).toMatchObject({ age: '10', 'x-end': '2', 'cache-status': 'comm; hit; ttl=49' })
    expect(headers).not.toHaveProperty('x-hop')
    expect(headers).not.toHaveProperty('connection')
  })
})

describe('what its user wishes', () => {
  const rules = [
    { match: '/never', ttlMs: 0 },
    { match: /\/users\/\d+$/, ttlMs: 30_000 },
    { match: (url: URL) => url.searchParams.has('page'), ttlMs: 5000 },
  ]

  it.each<[string, Record<string, string>, number, number]>([
    ['/users/7', {}, 29, 1],
    ['/users/7', { 'cache-control': 'max-age=1' }, 29, 1],
    ['/users/7', { 'cache-control': 'no-cache' }, 29, 1],
    ['/users/7', {}, 30, 2],
    ['/users/7', { 'cache-control': 'no-store' }, 1, 2],
    ['/users/7', { 'cache-control': 'private' }, 1, 2],
    ['/list?page=2', { age: '100' }, 4, 1],
    ['/never/x', { 'cache-control': 'max-age=60' }, 1, 2],
    ['/other', {}, 1, 2],
  ])('%s answered with %j, asked again after %d s: %d requests', async (path, headers, seconds, count) => {
    const { ask, clock, requests } = origin(always(headers), { rules })
    await ask(path)
    await clock.advance(seconds * 1000)
    await ask(path)
    expect(requests.length).toBe(count)
  })

  it('one request wishes more than a rule', async () => {
    const { ask, clock, requests } = origin(always({}), { rules })
    await ask('/users/7', { cache: { ttlMs: 60_000 } })
    await clock.advance(59_000)
    await ask('/users/7')
    expect(requests.length).toBe(1)
  })

  it('a default holds for successes that say nothing themselves', async () => {
    const options = { defaultTtlMs: 10_000 }
    expect(await cost({}, 9, options)).toBe(1)
    expect(await cost({}, 11, options)).toBe(2)
    expect(await cost({ headers: { 'cache-control': 'max-age=1' } }, 5, options)).toBe(2)
    expect(await cost({ headers: { 'cache-control': 'no-cache' } }, 1, options)).toBe(2)
    expect(await cost({ status: 404 }, 1, options)).toBe(2)
  })

  it('no wish lets credentials of one user reach another', async () => {
    const { ask, requests } = origin(always({}), { rules: [{ match: '/', ttlMs: 60_000 }] })
    await ask('/', { headers: { authorization: 'Bearer a' } })
    await ask('/', { headers: { authorization: 'Bearer b' } })
    expect(requests.length).toBe(2)
  })
})

describe('judge', () => {
  const wishes: Wishes = {
    mode: 'shared',
    ttlMs: undefined,
    defaultTtlMs: undefined,
    staleWhileRevalidateMs: 0,
    staleIfErrorMs: 0,
  }
  const directive = fc.constantFrom(
    'no-store',
    'private',
    'public',
    'no-cache',
    'max-age=60',
    's-maxage=60',
    'must-revalidate',
    'max-age=x',
    'immutable',
  )
  const headersOf = fc.record({
    cc: fc.uniqueArray(directive),
    authorized: fc.boolean(),
    cookie: fc.boolean(),
    ttlMs: fc.option(fc.nat(1e6), { nil: undefined }),
    status: fc.constantFrom(200, 204, 206, 301, 302, 304, 404, 500, 599),
  })

  it('never lets out what is forbidden, whatever else is said or wished', () => {
    fc.assert(
      fc.property(headersOf, ({ cc, authorized, cookie, ttlMs, status }) => {
        const headers = { 'cache-control': cc.join(', '), ...(cookie ? { 'set-cookie': ['a=b'] } : {}) }
        const request: Record<string, string> = authorized ? { authorization: 'x' } : {}
        const verdict = judge({ headers: request }, { status, headers }, { requestedAt: 0, receivedAt: 0 }, { ...wishes, ttlMs })
        if (verdict === undefined) return
        expect(cc).not.toContain('no-store')
        expect(cc).not.toContain('private')
        expect([206, 304]).not.toContain(status)
        if (cookie) expect(cc).toContain('public')
        if (authorized) expect(cc.some((each) => ['public', 's-maxage=60', 'must-revalidate'].includes(each))).toBe(true)
        expect(verdict.lifetimeMs).toBeGreaterThanOrEqual(0)
        expect(JSON.parse(JSON.stringify(verdict))).toEqual(verdict)
      }),
    )
  })

  it('reads any header without failing', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom('cache-control', 'expires', 'age', 'date', 'vary', 'last-modified', 'pragma'), fc.string()),
        (headers) => {
          const verdict = judge({ headers: {} }, { status: 200, headers }, { requestedAt: 0, receivedAt: 0 }, wishes)
          expect(Number.isFinite(verdict?.lifetimeMs ?? 0)).toBe(true)
        },
      ),
    )
  })
})

it('takes a request past itself where it is told to', async () => {
  const { ask, requests, cache } = origin(always({ 'cache-control': 'max-age=60' }))
  await ask('/')
  await ask('/', { cache: false })
  await ask('/', { headers: { 'cache-control': 'no-store' } })
  await ask('/', { body: Buffer.from('x') })
  expect(requests.length).toBe(4)
  expect((await ask('/')).text()).toBe('answer 1')
  expect(cache.statistics()).toMatchObject({ hits: 1, misses: 1, stored: 1 })
})
