import {
  ConnectionError,
  HttpStatusError,
  MemoryCacheStore,
  runInContext,
  ServiceUnavailableError,
  withDeadline,
} from '@comm/core'
import { EnhancedHttpClient, HttpClient } from '@comm/http'
import { HttpCache } from '@comm/http/cache'
import { describe, expect, it } from '@jest/globals'
import { failureOf, type LocalServer, localServer, until } from '../support/local-server.ts'

interface Counted extends LocalServer {
  readonly calls: string[]
}

/** Counts its calls; what it says is in the path: `/404/60` is a 404 that is fresh for 60 s. */
async function saying(gate?: Promise<void>): Promise<Counted> {
  const calls: string[] = []
  const server = await localServer((request, response) => {
    calls.push(`${request.method} ${request.url}`)
    const [, status = '200', seconds = ''] = (request.url ?? '').split('/')
    const answer = (): void => {
      if (seconds !== '') response.setHeader('cache-control', `max-age=${seconds}`)
      response.writeHead(Number(status)).end(status === '204' ? undefined : `answer ${calls.length}`)
    }
    if (gate === undefined) answer()
    else void gate.then(answer)
  })
  return Object.assign(server, { calls })
}

describe('EnhancedHttpClient', () => {
  it('has a cache, which tells what it did', async () => {
    await using server = await saying()
    await using client = new EnhancedHttpClient({ baseUrl: server.url })
    const first = await client.get('/200/60')
    const second = await client.get('/200/60')
    expect([first.text(), second.text(), second.attempts]).toEqual(['answer 1', 'answer 1', 0])
    expect([first.headers['cache-status'], second.headers['cache-status']]).toEqual([
      'comm; fwd=uri-miss; stored',
      expect.stringMatching(/^comm; hit; ttl=\d+$/),
    ])
    expect(client.cache?.statistics()).toMatchObject({ hits: 1, misses: 1, stored: 1 })
    expect(client.health()).toEqual({ status: 'up' })
  })

  it('invalidates by the methods of its own, and by hand with paths of its own', async () => {
    await using server = await saying()
    await using client = new EnhancedHttpClient({ baseUrl: `${server.url}/200` })
    await client.get('/60')
    await client.put('/60', { json: 1 })
    await client.get('/60')
    expect(await client.cache?.invalidate('/60')).toBe(true)
    await client.get('/60')
    expect(await client.cache?.invalidatePrefix('/6')).toBe(1)
    expect(await client.cache?.clear()).toBe(0)
    expect(server.calls.map((call) => call.split(' ')[0])).toEqual(['GET', 'PUT', 'GET', 'GET'])
  })

  it('gives a stored failure as a failure', async () => {
    await using server = await saying()
    await using client = new EnhancedHttpClient({ baseUrl: server.url, retry: false })
    for (const attempts of [1, 0]) {
      const error = await failureOf(client.get('/404/60'))
      expect(error).toBeInstanceOf(HttpStatusError)
      expect(error).toMatchObject({ status: 404, details: { attempts } })
      expect(await failureOf(client.get('/503/60'))).toBeInstanceOf(ServiceUnavailableError)
    }
    expect((await client.get('/404/60', { throwHttpErrors: false })).text()).toBe('answer 1')
    expect(server.calls.length).toBe(2)
  })

  it('asks no policy for what is stored, and all of them for what is not', async () => {
    await using server = await saying()
    await using client = new EnhancedHttpClient({ baseUrl: server.url, rateLimit: { perSecond: 0.001, burst: 1 } })
    for (let call = 0; call < 5; call++) expect((await client.get('/200/60')).text()).toBe('answer 1')
    expect(await failureOf(client.get('/200/61'))).toMatchObject({ code: 'COMM_RATE_LIMITED' })
  })

  it('keeps what a fallback answers out of the cache', async () => {
    await using server = await saying()
    await using client = new EnhancedHttpClient({
      baseUrl: server.url,
      retry: false,
      cache: { rules: [{ match: '/', ttlMs: 60_000 }] },
      fallback: () => ({ json: { from: 'fallback' } }),
    })
    await client.get('/500')
    await client.get('/500')
    expect(server.calls.length).toBe(2)
  })

  it('ends one caller at its own time, and lets the others have the answer', async () => {
    const gate = Promise.withResolvers<void>()
    await using server = await saying(gate.promise)
    await using client = new EnhancedHttpClient({ baseUrl: server.url })
    const hasty = failureOf(client.get('/200/60', { timeout: { totalMs: 30 } }))
    const patient = client.get('/200/60')
    const aborted = new AbortController()
    const gone = failureOf(client.get('/200/60', { signal: aborted.signal }))
    expect(await hasty).toMatchObject({ code: 'COMM_TIMEOUT', details: { limit: 'total' } })
    await until(() => server.calls.length >= 1)
    aborted.abort()
    expect(await gone).toMatchObject({ code: 'COMM_ABORTED' })
    gate.resolve()
    expect((await patient).status).toBe(200)
  })

  it('tells the server of the deadline, also through the cache', async () => {
    const seen: (string | undefined)[] = []
    await using server = await localServer((request, response) => {
      seen.push(request.headers['x-request-timeout-ms'] as string | undefined)
      response.end()
    })
    await using client = new EnhancedHttpClient({ baseUrl: server.url })
    await withDeadline(1000, () => client.get('/'))
    expect(Number(seen[0])).toBeGreaterThan(0)
    expect(Number(seen[0])).toBeLessThanOrEqual(1000)
  })

  it('gives nothing, stored or not, to whose time is over', async () => {
    await using server = await saying()
    await using client = new EnhancedHttpClient({ baseUrl: server.url })
    await client.get('/200/60')
    expect(await failureOf(client.get('/200/60', { signal: AbortSignal.abort() }))).toMatchObject({ code: 'COMM_ABORTED' })
    expect(await withDeadline(0, () => failureOf(client.get('/200/60')))).toMatchObject({ code: 'COMM_DEADLINE_EXCEEDED' })
    const gone = { correlationId: 'a', signal: AbortSignal.abort() }
    expect(await runInContext(gone, () => failureOf(client.get('/200/60')))).toMatchObject({ code: 'COMM_ABORTED' })
    await client.close()
    expect(await failureOf(client.get('/200/60'))).toMatchObject({ code: 'COMM_CLOSED' })
  })

  it('notices when answers that could not be shared come to be', async () => {
    let calls = 0
    let cacheControl = 'private'
    await using server = await localServer((_request, response) => {
      calls += 1
      response.setHeader('cache-control', cacheControl).end(`answer ${calls}`)
    })
    await using client = new EnhancedHttpClient({ baseUrl: server.url })
    for (let call = 1; call <= 3; call++) expect((await client.get('/')).text()).toBe(`answer ${call}`)
    cacheControl = 'max-age=60'
    const fourth = await client.get('/')
    fourth.bytes().fill(0)
    for (let call = 1; call <= 3; call++) expect((await client.get('/')).text()).toBe('answer 4')
    expect(client.cache?.statistics()).toMatchObject({ misses: 4, hits: 3, stored: 1 })
  })

  it('keeps nothing that was changed while it was fetched, waited for or not', async () => {
    const gates: (() => void)[] = []
    await using server = await localServer((request, response) => {
      const answer = (): void => void response.setHeader('cache-control', 'max-age=60').end('x')
      if (request.method === 'PUT' || gates.length === 0) answer()
      else gates.push(answer)
      if (gates.length === 0) gates.push(answer)
    })
    await using client = new EnhancedHttpClient({ baseUrl: server.url, cache: { rules: [{ match: '/', ttlMs: 0 }] } })
    await client.get('/')
    const early = client.get('/', { cache: { ttlMs: 60_000 } })
    await until(() => gates.length === 2)
    await client.put('/')
    gates[1]?.()
    await early
    expect(client.cache?.statistics().stored).toBe(0)
  })

  it('streams what is stored, and stores what is streamed', async () => {
    await using server = await saying()
    await using client = new EnhancedHttpClient({ baseUrl: server.url })
    for (let call = 0; call < 3; call++) {
      await using answer = await client.stream('GET', '/200/60')
      expect(Buffer.concat(await answer.body.toArray()).toString()).toBe('answer 1')
    }
    expect((await client.get('/200/60')).text()).toBe('answer 1')
    expect(server.calls.length).toBe(1)
  })
})

describe('HttpClient', () => {
  it('has none unless it is asked for', async () => {
    await using server = await saying()
    await using bare = new HttpClient({ baseUrl: server.url })
    await bare.get('/200/60')
    await bare.get('/200/60')
    expect(server.calls.length).toBe(2)
    expect(bare.cache).toBeUndefined()
    await using cached = new HttpClient({ baseUrl: server.url, cache: true })
    expect(cached.describe()).toBe('total timeout (timeout.totalMs of the request)\ncache (RFC 9111)')
    await cached.get('/200/60')
    await cached.get('/200/60')
    expect(server.calls.length).toBe(3)
  })

  it('shares a cache with another client', async () => {
    await using server = await saying()
    const cache = new HttpCache({ store: new MemoryCacheStore() })
    await using one = new HttpClient({ cache, baseUrl: server.url })
    await using other = new HttpClient({ cache, baseUrl: server.url })
    await one.get('/200/60')
    expect((await other.get('/200/60')).text()).toBe('answer 1')
    await other.delete('/200/60')
    expect((await one.get('/200/60')).text()).toBe('answer 3')
  })

  it('a failure to connect reaches every caller that waited', async () => {
    await using client = new HttpClient({ baseUrl: 'http://127.0.0.1:1', cache: true })
    const failures = await Promise.all([1, 2, 3].map(() => failureOf(client.get('/'))))
    for (const failure of failures) expect(failure).toBeInstanceOf(ConnectionError)
  })
})
