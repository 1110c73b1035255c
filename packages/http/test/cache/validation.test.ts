import { describe, expect, it } from '@jest/globals'
import { always, type Handler, origin } from './support.ts'

const FRESH = 'max-age=60'
const MODIFIED = 'Wed, 31 Dec 2025 23:00:00 GMT'

/** Answers 304 to the right tag. */
const validating =
  (headers: Readonly<Record<string, string>>, tag = '"1"'): Handler =>
  (request) => {
    const isCurrent = request.headers['if-none-match'] === tag
    return { status: isCurrent ? 304 : 200, headers: { ...headers, etag: tag } }
  }

describe('a stale answer', () => {
  it('is given again, with new headers, once the server has confirmed it', async () => {
    const { ask, clock, requests, cache } = origin((request, nth) =>
      validating({ 'cache-control': FRESH, 'x-nth': String(nth) })(request, nth),
    )
    await ask('/')
    await clock.advance(61_000)
    const confirmed = await ask('/')
    expect([confirmed.status, confirmed.text(), confirmed.headers['x-nth']]).toEqual([200, 'answer 1', '2'])
    expect(confirmed.headers).toMatchObject({ age: '0', 'cache-status': 'comm; hit; fwd=stale; fwd-status=304; ttl=60' })
    expect(requests[1]?.headers).toEqual({ 'if-none-match': '"1"' })
    await clock.advance(30_000)
    expect((await ask('/')).headers['x-nth']).toBe('2')
    expect(requests.length).toBe(2)
    expect(cache.statistics()).toMatchObject({ misses: 1, revalidated: 1, hits: 1, stored: 2 })
  })

  it('is asked about by its date where it has no tag, and by both where it has both', async () => {
    const { ask, clock, requests } = origin(always({ 'cache-control': FRESH, 'last-modified': MODIFIED }))
    await ask('/')
    await clock.advance(61_000)
    await ask('/')
    expect(requests[1]?.headers).toEqual({ 'if-modified-since': MODIFIED })
    const both = origin(always({ 'cache-control': 'no-cache', 'last-modified': MODIFIED, etag: 'W/"a"' }))
    await both.ask('/')
    await both.ask('/')
    expect(both.requests[1]?.headers).toEqual({ 'if-modified-since': MODIFIED, 'if-none-match': 'W/"a"' })
  })

  it('makes way for a new one', async () => {
    const { ask, clock } = origin((_, nth) => ({ headers: { 'cache-control': FRESH, etag: `"${nth}"` } }))
    await ask('/')
    await clock.advance(61_000)
    expect((await ask('/')).text()).toBe('answer 2')
    expect((await ask('/')).text()).toBe('answer 2')
  })

  it('is asked for anew when the server confirms something else', async () => {
    const { ask, clock, requests } = origin((request, nth) =>
      request.headers['if-none-match'] === undefined
        ? { headers: { 'cache-control': FRESH, etag: '"1"' } }
        : { status: 304, headers: { etag: `"other ${nth}"` } },
    )
    await ask('/')
    await clock.advance(61_000)
    const answer = await ask('/')
    expect([answer.status, answer.text(), requests.length]).toEqual([200, 'answer 3', 3])
  })

  it('without anything to ask about it with is of no use', async () => {
    const { ask, clock, requests } = origin(always({ 'cache-control': FRESH }))
    await ask('/')
    await clock.advance(61_000)
    await ask('/')
    expect(requests[1]?.headers).toEqual({})
  })
})

describe("a request's own conditions", () => {
  const stored = { 'cache-control': FRESH, etag: '"a,b"', 'last-modified': MODIFIED, 'x-big': 'x' }

  it.each<[Record<string, string>, number]>([
    [{ 'if-none-match': '"a,b"' }, 304],
    [{ 'if-none-match': 'W/"a,b"' }, 304],
    [{ 'if-none-match': '"x", "a,b"' }, 304],
    [{ 'if-none-match': '*' }, 304],
    [{ 'if-none-match': '"a"' }, 200],
    [{ 'if-none-match': '"x"', 'if-modified-since': MODIFIED }, 200],
    [{ 'if-modified-since': MODIFIED }, 304],
    [{ 'if-modified-since': 'Wed, 31 Dec 2025 23:59:59 GMT' }, 304],
    [{ 'if-modified-since': 'Wed, 31 Dec 2025 22:59:59 GMT' }, 200],
    [{ 'if-modified-since': 'yesterday' }, 200],
  ])('%j is answered here with %d', async (headers, status) => {
    const { ask, requests } = origin(always(stored))
    await ask('/')
    const answer = await ask('/', { headers })
    expect([answer.status, requests.length]).toEqual([status, 1])
    if (status === 304) {
      expect(answer.headers).toMatchObject({ etag: '"a,b"', age: '0' })
      expect(answer.headers).not.toHaveProperty('x-big')
      expect(answer.bytes().byteLength).toBe(0)
    }
  })

  it('go to the server when nothing fresh is stored, and its 304 to the client', async () => {
    const { ask, clock, requests } = origin(validating({ 'cache-control': FRESH }))
    const first = await ask('/', { headers: { 'if-none-match': '"1"' } })
    expect([first.status, requests.length]).toEqual([304, 1])
    await ask('/')
    await clock.advance(61_000)
    expect((await ask('/', { headers: { 'if-none-match': '"1"' } })).status).toBe(304)
    expect((await ask('/')).text()).toBe('answer 2')
    expect(requests.length).toBe(3)
  })

  it('that only the server can judge go past the cache', async () => {
    const { ask, requests } = origin(always(stored))
    await ask('/')
    for (const name of ['if-match', 'if-unmodified-since', 'if-range']) await ask('/', { headers: { [name]: '"a,b"' } })
    expect(requests.length).toBe(4)
  })
})

describe('what a request asks of a cache', () => {
  const asked = async (cacheControl: string, ageS: number, headers = 'max-age=60'): Promise<number> => {
    const { ask, clock, requests } = origin(always({ 'cache-control': headers, etag: '"1"' }))
    await ask('/')
    await clock.advance(ageS * 1000)
    await ask('/', { headers: cacheControl === 'pragma' ? { pragma: 'no-cache' } : { 'cache-control': cacheControl } })
    return requests.length
  }

  it.each<[string, number, number]>([
    ['no-cache', 1, 2],
    ['pragma', 1, 2],
    ['max-age=0', 0, 2],
    ['max-age=10', 9, 1],
    ['max-age=10', 11, 2],
    ['min-fresh=10', 45, 1],
    ['min-fresh=10', 55, 2],
    ['max-stale', 1000, 1],
    ['max-stale=10', 65, 1],
    ['max-stale=10', 75, 2],
    ['only-if-cached', 30, 1],
    ['nonsense', 30, 1],
  ])('%s, %d s after it was stored: %d requests', async (cacheControl, age, requests) => {
    expect(await asked(cacheControl, age)).toBe(requests)
  })

  it('never a stale answer that must be validated', async () => {
    expect(await asked('max-stale', 61, 'max-age=60, must-revalidate')).toBe(2)
    expect(await asked('max-stale', 61, 'max-age=60, no-cache')).toBe(2)
    expect(await asked('max-stale', 61, 's-maxage=60')).toBe(2)
  })

  it('only-if-cached is 504 where nothing fits', async () => {
    const { ask, requests } = origin(always({}))
    const { status, headers } = await ask('/', { headers: { 'cache-control': 'only-if-cached' } })
    expect([status, headers['cache-status'], requests.length]).toEqual([504, 'comm; detail=only-if-cached', 0])
  })
})

describe('HEAD and ranges', () => {
  it('a stored GET answers a HEAD; a HEAD is not stored', async () => {
    const { ask, requests } = origin(always({ 'cache-control': FRESH, 'content-length': '8' }))
    await ask('/', { method: 'HEAD' })
    await ask('/')
    const head = await ask('/', { method: 'HEAD' })
    expect([head.status, head.bytes().byteLength, head.headers['content-length'], requests.length]).toEqual([200, 0, '8', 2])
  })

  it('a HEAD that describes something else shows that what is stored is outdated', async () => {
    const { ask, requests } = origin((_, nth) => ({ headers: { 'cache-control': FRESH, etag: `"${nth}"` } }))
    await ask('/')
    await ask('/', { method: 'HEAD', headers: { 'cache-control': 'no-cache' } })
    await ask('/')
    expect(requests.length).toBe(3)
  })

  it('a HEAD that describes the same makes it fresh again', async () => {
    const { ask, clock, requests } = origin(always({ 'cache-control': FRESH, etag: '"1"' }))
    await ask('/')
    await clock.advance(61_000)
    await ask('/', { method: 'HEAD' })
    expect((await ask('/')).text()).toBe('answer 1')
    expect(requests.length).toBe(2)
  })

  it('gives a piece of what is stored, and leaves the rest to the server', async () => {
    const { ask, requests } = origin(always({ 'cache-control': FRESH }))
    await ask('/')
    const piece = await ask('/', { headers: { range: 'bytes=0-2' } })
    expect([piece.status, piece.text(), piece.headers['content-range']]).toEqual([206, 'ans', 'bytes 0-2/8'])
    await ask('/', { headers: { range: 'bytes=0-1,3-4' } })
    expect(requests.length).toBe(2)
  })

  it('does not store a piece', async () => {
    const { ask, requests } = origin(always({ 'cache-control': FRESH, 'content-range': 'bytes 0-2/8' }, 206))
    await ask('/', { headers: { range: 'bytes=0-2' } })
    await ask('/', { headers: { range: 'bytes=0-2' } })
    expect(requests.length).toBe(2)
  })
})
