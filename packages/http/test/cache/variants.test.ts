import { MemoryCacheStore } from '@comm/core'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { origin } from './support.ts'

const vary = (names: string) => ({ 'cache-control': 'max-age=60', vary: names })

describe('answers that depend on request headers', () => {
  it('are kept side by side', async () => {
    const { ask, requests } = origin(() => ({ headers: vary('Accept-Language') }))
    for (const language of ['de', 'en', 'de', 'en', 'DE']) await ask('/', { headers: { 'accept-language': language } })
    await ask('/')
    await ask('/')
    expect(requests.map(({ headers }) => headers['accept-language'])).toEqual(['de', 'en', undefined])
  })

  it('may come to depend on more', async () => {
    const { ask, requests } = origin((_, nth) => ({ headers: vary(nth === 1 ? 'a' : 'a, b') }))
    const one = { headers: { a: '1', b: '1' } }
    const other = { headers: { a: '2', b: '2' } }
    await ask('/', one)
    await ask('/', other)
    await ask('/', one)
    await ask('/', { headers: { a: '1', b: '2' } })
    await ask('/', one)
    await ask('/', other)
    expect(requests.length).toBe(4)
  })

  it('leave no request header in the store', async () => {
    const store = new MemoryCacheStore()
    const seen: string[] = []
    const set = store.set.bind(store)
    store.set = (key, entry, options) => {
      seen.push(key, entry.metadata)
      return set(key, entry, options)
    }
    const { ask, requests } = origin(
      () => ({ headers: { ...vary('cookie, authorization'), 'cache-control': 'public, max-age=60' } }),
      { store },
    )
    const secret = { headers: { cookie: 'id=s3cret', authorization: 'Bearer s3cret' } }
    await ask('/', secret)
    await ask('/', secret)
    expect(requests.length).toBe(1)
    expect(seen.join()).not.toContain('s3cret')
  })

  it('in a cache of one user depend on the credentials too', async () => {
    const { ask, requests } = origin(() => ({ headers: { 'cache-control': 'private, max-age=60' } }), { mode: 'private' })
    for (const user of ['a', 'b', 'a']) await ask('/', { headers: { authorization: user } })
    expect(requests.length).toBe(2)
  })

  it('reach only requests that say the same', async () => {
    const headersOf = fc.record({ a: fc.constantFrom('1', '2'), b: fc.constantFrom('1', '2', ' 1') }, { requiredKeys: [] })
    const property = fc.asyncProperty(
      fc.array(headersOf, { maxLength: 12 }),
      fc.constantFrom('a', 'b', 'a, b', ''),
      async (all, names) => {
        const { ask } = origin(({ headers }) => ({
          headers: vary(names),
          body: JSON.stringify([headers['a'], headers['b']?.trim()]),
        }))
        for (const headers of all) {
          const [a, b] = (await ask('/', { headers })).json<[string | null, string | null]>()
          if (names.includes('a')) expect(a ?? undefined).toBe(headers.a)
          if (names.includes('b')) expect(b ?? undefined).toBe(headers.b?.trim())
        }
      },
    )
    await fc.assert(property, { numRuns: 60 })
  })
})
