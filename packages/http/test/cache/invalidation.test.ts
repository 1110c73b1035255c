import { describe, expect, it } from '@jest/globals'
import { type Handler, origin } from './support.ts'

const fresh: Handler = ({ method }) => (method === 'GET' ? { headers: { 'cache-control': 'max-age=60' } } : { status: 204 })

describe('a method that changes things', () => {
  it.each(['POST', 'PUT', 'PATCH', 'DELETE', 'PURGE'])('%s invalidates what is stored of its URL', async (method) => {
    const { ask, requests } = origin(fresh)
    await ask('/a')
    await ask('/b')
    await ask('/a', { method })
    await ask('/a')
    await ask('/b')
    expect(requests.map((each) => `${each.method} ${each.url.pathname}`)).toEqual(['GET /a', 'GET /b', `${method} /a`, 'GET /a'])
  })

  it.each(['OPTIONS', 'TRACE'])('%s changes nothing', async (method) => {
    const { ask, requests } = origin(fresh)
    await ask('/a')
    await ask('/a', { method })
    await ask('/a')
    expect(requests.length).toBe(2)
  })

  it('invalidates all variants, and what Location and Content-Location of the same origin name', async () => {
    const { ask, requests } = origin(({ method }) =>
      method === 'GET'
        ? { headers: { 'cache-control': 'max-age=60', vary: 'a' } }
        : { status: 201, headers: { location: '/users/7#x', 'content-location': 'http://other.test/x' } },
    )
    for (const a of ['1', '2']) await ask('/users/7', { headers: { a } })
    await ask('/users', { method: 'POST' })
    for (const a of ['1', '2']) await ask('/users/7', { headers: { a } })
    expect(requests.length).toBe(5)
  })

  it('invalidates nothing when it fails', async () => {
    const { ask, requests } = origin(({ method }) =>
      method === 'GET' ? { headers: { 'cache-control': 'max-age=60' } } : { status: 409 },
    )
    await ask('/a')
    await ask('/a', { method: 'PUT' })
    await ask('/a')
    expect(requests.length).toBe(2)
  })

  it('keeps an answer out that was fetched before it', async () => {
    const gate = Promise.withResolvers<void>()
    const { ask, requests } = origin(async ({ method }, nth) => {
      if (nth === 1) await gate.promise
      return method === 'GET' ? { headers: { 'cache-control': 'max-age=60' } } : {}
    })
    const early = ask('/a')
    await ask('/a', { method: 'PUT' })
    gate.resolve()
    expect((await early).text()).toBe('answer 2')
    await ask('/a')
    expect(requests.length).toBe(3)
  })
})

describe('invalidation by hand', () => {
  const tagged = () =>
    origin(fresh, {
      rules: [
        { match: '/users/', tags: ['users'] },
        { match: '/teams/', tags: ({ url }) => [url.pathname] },
      ],
    })

  it('by URL', async () => {
    const { ask, cache, requests } = tagged()
    await ask('/users/7')
    expect(await cache.invalidate(new URL('http://api.test/users/7'))).toBe(true)
    expect(await cache.invalidate(new URL('http://api.test/users/7'))).toBe(false)
    await ask('/users/7')
    expect(requests.length).toBe(2)
  })

  it('by prefix', async () => {
    const { ask, cache, requests } = tagged()
    for (const path of ['/users/7', '/users/8', '/teams/1']) await ask(path)
    expect(await cache.invalidatePrefix('http://api.test/users/')).toBe(2)
    for (const path of ['/users/7', '/users/8', '/teams/1']) await ask(path)
    expect(requests.length).toBe(5)
  })

  it('by tag, of a rule, a function and a request', async () => {
    const { ask, cache, requests } = tagged()
    await ask('/users/7', { cache: { tags: ['team 1'] } })
    await ask('/users/8')
    await ask('/teams/1')
    expect(await cache.invalidateTags('team 1')).toBe(1)
    expect(await cache.invalidateTags('users', '/teams/1', 'none')).toBe(2)
    for (const path of ['/users/7', '/users/8', '/teams/1']) await ask(path)
    expect(requests.length).toBe(6)
  })

  it('a confirmed answer keeps its tags', async () => {
    const { ask, cache, clock, requests } = origin(
      ({ headers }) => ({
        status: headers['if-none-match'] ? 304 : 200,
        headers: { 'cache-control': 'max-age=60', etag: '"1"' },
      }),
      { rules: [{ match: '/', tags: ['all'] }] },
    )
    await ask('/')
    await clock.advance(61_000)
    await ask('/')
    expect(await cache.invalidateTags('all')).toBe(1)
    await ask('/')
    expect(requests.length).toBe(3)
  })

  it('of everything', async () => {
    const { ask, cache } = tagged()
    for (const path of ['/users/7', '/teams/1']) await ask(path)
    expect(await cache.clear()).toBe(2)
  })
})
