import { getEventListeners } from 'node:events'
import { Readable } from 'node:stream'
import type { AccessToken, TokenSource } from '@comm/core'
import { type AuthOptions, EnhancedHttpClient, HttpClient } from '@comm/http'
import { describe, expect, it } from '@jest/globals'
import { type Echoed, echo, failureOf, localServer } from '../support/local-server.ts'
import { guardedServer } from './support.ts'

describe('auth of a client', () => {
  it.each<[string, AuthOptions, Record<string, string>]>([
    ['a bearer token', { bearer: 'abc.def' }, { authorization: 'Bearer abc.def' }],
    [
      'user name and password',
      { basic: { username: 'Аня', password: 'a:b c' } },
      { authorization: `Basic ${Buffer.from('Аня:a:b c').toString('base64')}` },
    ],
    ['a key in a header', { apiKey: { header: 'X-Api-Key', value: 'k 1' } }, { 'x-api-key': 'k 1' }],
    ['tokens from elsewhere', { tokens: { token: () => ({ value: 't', type: 'DPoP' }) } }, { authorization: 'DPoP t' }],
    ['a function', ({ method, url }) => ({ 'X-Signature': `${method} ${url.pathname}` }), { 'x-signature': 'GET /a' }],
    ['an asynchronous function', async () => ({ authorization: 'Own x' }), { authorization: 'Own x' }],
  ])('sends %s', async (_what, auth, expected) => {
    await using server = await localServer(echo)
    await using client = new HttpClient({ baseUrl: server.url, auth })
    expect((await client.get('/a')).json<Echoed>().headers).toMatchObject(expected)
  })

  it('sends a key in the query, and shows it in no message', async () => {
    await using server = await localServer((_request, response) => response.writeHead(500).end())
    await using client = new HttpClient({ baseUrl: server.url, auth: { apiKey: { query: 'appid', value: 'S3CRET/+' } } })
    const error = await failureOf(client.get('/weather', { query: { city: 'Oslo' } }))
    expect(String(error)).toContain('/weather?city=Oslo&appid=[redacted] was answered 500')
    expect(JSON.stringify(error)).not.toContain('S3CRET')
    await using other = await localServer(echo)
    await using good = new HttpClient({ baseUrl: other.url, auth: { apiKey: { query: 'appid', value: 'S3CRET/+' } } })
    expect((await good.get('/w')).json<Echoed>().url).toBe('/w?appid=S3CRET%2F%2B')
  })

  it('gives way to a header set by hand and to the auth of a request; false sends none', async () => {
    await using server = await localServer(echo)
    await using client = new HttpClient({ baseUrl: server.url, auth: { bearer: 'own' } })
    const sent = async (options: Parameters<HttpClient['get']>[1]): Promise<string | undefined> =>
      (await client.get('/', options)).json<Echoed>().headers['authorization']
    expect(await sent({ headers: { Authorization: 'By hand' } })).toBe('By hand')
    expect(await sent({ auth: { bearer: 'other' } })).toBe('Bearer other')
    expect(await sent({ auth: false })).toBeUndefined()
    expect(await sent({})).toBe('Bearer own')
  })

  it('never sends credentials to another origin: not by URL, and not by a redirect', async () => {
    let reached = 0
    await using other = await localServer((_request, response) => {
      reached++
      response.end()
    })
    await using server = await localServer((_request, response) => response.writeHead(302, { location: other.url }).end())
    await using client = new HttpClient({ baseUrl: server.url, auth: { bearer: 'own' } })
    expect((await client.get('/')).status).toBe(302)
    await expect(client.get(`${other.url}/x`)).rejects.toMatchObject({ code: 'COMM_CONFIGURATION' })
    expect(reached).toBe(0)
  })

  it('makes a call again, once, with another token when the first is refused', async () => {
    await using server = await guardedServer(() => 'Bearer t2')
    const tokens = countingTokens()
    await using client = new EnhancedHttpClient({ baseUrl: server.url, auth: { tokens } })
    const response = await client.post('/orders', { json: { id: 7 } })
    expect(response.json()).toEqual({ body: '{"id":7}' })
    expect(response.attempts).toBe(2)
    expect(server.shown).toEqual(['Bearer t1', 'Bearer t2'])
    expect(client.circuitBreaker?.state).toBe('closed')
    await client.get('/orders')
    expect(server.shown.at(-1)).toBe('Bearer t2')
  })

  it('answers 401 when the other token is refused too, and at once when the body cannot be sent again', async () => {
    await using server = await guardedServer(() => 'nobody')
    const tokens = countingTokens()
    await using client = new HttpClient({ baseUrl: server.url, auth: { tokens } })
    const error = await failureOf(client.get('/'))
    expect(error).toMatchObject({ code: 'COMM_HTTP_STATUS', status: 401, details: { attempts: 2 } })
    expect(server.shown).toEqual(['Bearer t1', 'Bearer t2'])
    await failureOf(client.post('/', { body: Readable.from(['once']) }))
    expect(server.shown).toHaveLength(3)
    const answer = await client.get('/', { throwHttpErrors: false })
    expect(answer.status).toBe(401)
    expect(JSON.stringify(error)).not.toMatch(/Bearer|t1|t2/)
  })

  it('does not ask again where there is no other token, or none of a kind that can be renewed', async () => {
    await using server = await guardedServer(() => 'nobody')
    await using same = new HttpClient({
      baseUrl: server.url,
      auth: { tokens: { token: () => ({ value: 't', type: 'Bearer' }) } },
    })
    await failureOf(same.get('/'))
    await using fixed = new HttpClient({ baseUrl: server.url, auth: { bearer: 'b' } })
    await failureOf(fixed.get('/'))
    expect(server.shown).toEqual(['Bearer t', 'Bearer b'])
  })

  it('counts the wait for a token against the time of the call, and heeds its signal', async () => {
    await using server = await localServer(echo)
    const tokens: TokenSource = { token: () => new Promise(() => undefined) }
    await using client = new HttpClient({ baseUrl: server.url, auth: { tokens } })
    const error = await failureOf(client.get('/slow', { timeout: { totalMs: 20 } }))
    expect(error).toMatchObject({ code: 'COMM_TIMEOUT', details: { limit: 'total', limitMs: 20 } })
    const leaving = new AbortController()
    const left = failureOf(client.get('/left', { signal: leaving.signal }))
    leaving.abort()
    expect(await left).toMatchObject({ code: 'COMM_ABORTED' })
  })

  it('leaves nothing on a signal that all calls share', async () => {
    await using server = await guardedServer(() => 'Bearer t2')
    let count = 1
    const tokens: TokenSource = {
      token: async () => ({ value: `t${count}`, type: 'Bearer' }),
      refused: () => {
        count = 2
      },
    }
    const { signal } = new AbortController()
    await using client = new HttpClient({
      baseUrl: server.url,
      auth: { tokens },
      interceptors: { request: [async () => undefined], response: [async () => undefined] },
    })
    for (let round = 0; round < 20; round++) {
      count = 1
      await Promise.all(Array.from({ length: 5 }, () => client.get('/', { signal })))
    }
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  it('reads streams to their end, and ends them with the caller', async () => {
    await using server = await localServer((request, response) => {
      response.write('one ')
      if (request.url === '/whole') setTimeout(() => response.end('two'), 20)
    })
    await using client = new HttpClient({ baseUrl: server.url, auth: { tokens: countingTokens() } })
    const whole = await client.stream('GET', '/whole')
    expect((await whole.body.toArray()).join('')).toBe('one two')
    const leaving = new AbortController()
    const endless = await client.stream('GET', '/endless', { signal: leaving.signal })
    const read = failureOf(endless.body.toArray())
    leaving.abort()
    expect(await read).toMatchObject({ code: 'COMM_ABORTED' })
  })

  it('passes on why there is no token', async () => {
    await using server = await localServer(echo)
    const auth = (): never => {
      throw new RangeError('no key in the vault')
    }
    await using client = new HttpClient({ baseUrl: server.url, auth })
    expect(await failureOf(client.get('/'))).toMatchObject({ message: 'no key in the vault', code: 'COMM_UNKNOWN' })
  })
})

describe('auth and the cache', () => {
  const keeping = (cacheControl: string): ReturnType<typeof localServer> =>
    localServer((request, response) => {
      const { authorization, 'x-api-key': key } = request.headers
      response.setHeader('cache-control', cacheControl)
      response.end(`for ${authorization ?? key ?? 'nobody'}`)
    })
  const users: [AuthOptions, AuthOptions, string, string][] = [
    [{ bearer: 'a' }, { bearer: 'b' }, 'for Bearer a', 'for Bearer b'],
    [{ apiKey: { header: 'x-api-key', value: 'a' } }, { apiKey: { header: 'x-api-key', value: 'b' } }, 'for a', 'for b'],
    [() => ({ 'x-api-key': 'a' }), async () => ({ 'x-api-key': 'b' }), 'for a', 'for b'],
  ]

  it.each(users)('does not keep in a shared cache what is for one user (RFC 9111, 3.5)', async (one, other, first, second) => {
    await using server = await keeping('max-age=60')
    await using client = new EnhancedHttpClient({ baseUrl: server.url })
    expect((await client.get('/', { auth: one })).text()).toBe(first)
    expect((await client.get('/', { auth: other })).text()).toBe(second)
    expect((await client.get('/')).text()).toBe('for nobody')
    expect(client.cache?.statistics()).toMatchObject({ hits: 0 })
  })

  it.each(users)('keeps it apart in a private one', async (one, other, first, second) => {
    await using server = await keeping('max-age=60')
    await using client = new EnhancedHttpClient({ baseUrl: server.url, cache: { mode: 'private' } })
    for (const [auth, expected] of [
      [one, first],
      [other, second],
      [one, first],
    ] as const) {
      expect((await client.get('/', { auth })).text()).toBe(expected)
    }
    expect(client.cache?.statistics()).toMatchObject({ hits: 1, misses: 2 })
  })

  it('keeps what the server calls public, without asking the server for it again', async () => {
    await using server = await keeping('public, max-age=60')
    await using client = new EnhancedHttpClient({ baseUrl: server.url, auth: { tokens: countingTokens() } })
    await client.get('/')
    expect((await client.get('/')).text()).toBe('for Bearer t1')
    expect(client.cache?.statistics()).toMatchObject({ hits: 1, misses: 1 })
  })
})

/** t1 until it is refused, then t2 … */
function countingTokens(): TokenSource {
  let count = 1
  return {
    token: (): AccessToken => ({ value: `t${count}`, type: 'Bearer' }),
    refused: ({ value }) => {
      if (value === `t${count}`) count++
    },
  }
}
