import type { HttpStatusError } from '@comm/core'
import { EnhancedHttpClient, HttpClient, HttpResponse, HttpStreamResponse, type Interceptors } from '@comm/http'
import { describe, expect, it } from '@jest/globals'
import { type Echoed, echo, failureOf, localServer } from './support/local-server.ts'

describe('interceptors', () => {
  it('change requests one after the other, sync and async, each seeing what the one before did', async () => {
    await using server = await localServer(echo)
    await using client = new HttpClient({
      baseUrl: server.url,
      interceptors: {
        request: [
          () => undefined,
          async ({ headers }) => ({ headers: { 'X-Two': `${headers['x-one']}2`, accept: undefined }, query: { page: 2 } }),
          ({ headers, url }) => ({ json: { seen: headers['x-two'], at: url.search }, timeout: { totalMs: 30_000 } }),
        ],
      },
    })
    const sent = (await client.post('/a?x=1', { headers: { 'x-one': '1' }, body: 'replaced' })).json<Echoed>()
    expect(sent.url).toBe('/a?x=1&page=2')
    expect(sent.headers).toMatchObject({ 'x-one': '1', 'x-two': '12', 'content-type': 'application/json' })
    expect(sent.headers).not.toHaveProperty('accept')
    expect(JSON.parse(sent.body)).toEqual({ seen: '12', at: '?x=1&page=2' })
  })

  it('answer in place of the server, and so end the list; also where a stream was asked for', async () => {
    let reached = 0
    await using server = await localServer((_request, response) => {
      reached++
      response.end()
    })
    const later: string[] = []
    await using client = new HttpClient({
      baseUrl: server.url,
      interceptors: {
        request: [
          (request) => HttpResponse.of(request, { status: 203, json: { from: 'here' } }),
          () => void later.push('called'),
        ],
        response: [(response) => void later.push(`response ${response.status}`)],
      },
    })
    const response = await client.get('/')
    expect([response.status, response.json(), response.attempts]).toEqual([203, { from: 'here' }, 0])
    const { body } = await client.stream('GET', '/')
    expect((await body.toArray()).join('')).toBe('{"from":"here"}')
    expect(later).toEqual(['response 203', 'response 203'])
    expect(reached).toBe(0)
  })

  it('replace answers, and see 4xx only where they are answers', async () => {
    await using server = await localServer((_request, response) => response.writeHead(404).end('none'))
    const seen: number[] = []
    await using client = new HttpClient({
      baseUrl: server.url,
      interceptors: {
        response: [
          (response, request) => {
            seen.push(response.status)
            return HttpResponse.of(request, { body: 'replaced' })
          },
          async (response) => void seen.push(response.status),
        ],
      },
    })
    await failureOf(client.get('/'))
    expect(seen).toEqual([])
    expect((await client.get('/', { throwHttpErrors: false })).text()).toBe('replaced')
    expect(seen).toEqual([404, 200])
  })

  it('recover from errors, replace them, or let them pass', async () => {
    await using server = await localServer((request, response) => response.writeHead(Number(request.url?.slice(1))).end())
    class NotFound extends Error {}
    const passed: unknown[] = []
    await using client = new HttpClient({
      baseUrl: server.url,
      interceptors: {
        error: [
          (error) => void passed.push((error as HttpStatusError).status),
          async (error, request) => {
            if ((error as HttpStatusError).status === 410) return HttpResponse.of(request, { json: null })
            if ((error as HttpStatusError).status === 404) throw new NotFound('no such order')
            return undefined
          },
          (error) => void passed.push(error instanceof NotFound),
        ],
      },
    })
    expect((await client.get('/410')).json()).toBeNull()
    expect(await failureOf(client.get('/404'))).toBeInstanceOf(NotFound)
    expect(await failureOf(client.get('/400'))).toMatchObject({ status: 400, code: 'COMM_HTTP_STATUS' })
    expect(passed).toEqual([410, 404, true, 400, false])
  })

  it('hand what they throw to the error interceptors, as it is', async () => {
    await using server = await localServer(echo)
    const seen: string[] = []
    const make = (interceptors: Interceptors): HttpClient => new HttpClient({ baseUrl: server.url, interceptors })
    const error = [(thrown: unknown) => void seen.push((thrown as Error).message)]
    const throwing = (message: string) => (): never => {
      throw new RangeError(message)
    }
    await using early = make({ request: [throwing('early')], error })
    await using late = make({ response: [async () => throwing('late')()], error })
    expect(await failureOf(early.get('/'))).toBeInstanceOf(RangeError)
    expect(await failureOf(late.get('/'))).toBeInstanceOf(RangeError)
    expect(seen).toEqual(['early', 'late'])
  })

  it('run once per call, outside of retries and the cache, and see no credentials', async () => {
    let count = 0
    await using server = await localServer((_request, response) => {
      response.writeHead(++count === 1 ? 503 : 200, { 'cache-control': 'public, max-age=60' }).end()
    })
    const seen: unknown[] = []
    await using client = new EnhancedHttpClient({
      baseUrl: server.url,
      auth: { bearer: 'secret' },
      interceptors: {
        request: [({ headers }) => void seen.push(headers['authorization'])],
        response: [({ attempts }) => void seen.push(attempts)],
      },
    })
    await client.get('/')
    await client.get('/')
    expect(count).toBe(2)
    expect(seen).toEqual([undefined, 2, undefined, 0])
  })

  it('see streams as streams', async () => {
    await using server = await localServer(echo)
    const kinds: boolean[] = []
    const response = [(answer: unknown) => void kinds.push(answer instanceof HttpStreamResponse)]
    await using client = new HttpClient({ baseUrl: server.url, interceptors: { response } })
    await using _answer = await client.stream('GET', '/')
    await client.get('/')
    expect(kinds).toEqual([true, false])
  })

  it('that throw leave no stream open', async () => {
    const closed = Promise.withResolvers<void>()
    await using server = await localServer((_request, response) => {
      response.on('close', closed.resolve)
      response.write('for ever')
    })
    const response = [() => Promise.reject(new Error('no'))]
    await using client = new HttpClient({ baseUrl: server.url, interceptors: { response } })
    expect(String(await failureOf(client.stream('GET', '/', { timeout: { totalMs: Number.POSITIVE_INFINITY } })))).toContain('no')
    await closed.promise
  })

  it('are left behind by the caller’s abort', async () => {
    await using client = new HttpClient({
      baseUrl: 'http://127.0.0.1:1',
      interceptors: { request: [() => new Promise<undefined>(() => undefined)] },
    })
    const leaving = new AbortController()
    const left = failureOf(client.get('/', { signal: leaving.signal }))
    leaving.abort()
    expect(await left).toMatchObject({ code: 'COMM_ABORTED' })
  })

  it.each<[string, Interceptors, string]>([
    ['another origin', { request: [() => ({ target: 'http://other.test/' })] }, 'must be of the origin of baseUrl'],
    ['a path outside', { request: [() => ({ target: '/v1/../../admin' })] }, 'must be a path inside'],
    ['a split header', { request: [() => ({ headers: { a: 'S3CRET\r\nb: c' } })] }, 'headers.a must be text without line breaks'],
    ['two bodies', { request: [() => ({ json: 1, body: 'x' })] }, 'given at most one of json, form, multipart and body'],
    ['an unknown change', { request: [() => ({ method: 'PUT' }) as never] }, 'change.method is an unknown option'],
    ['a text', { request: [() => 'S3CRET' as never] }, 'what an interceptor of interceptors.request gives must be changes'],
    ['an object', { response: [() => ({}) as never] }, 'what an interceptor of interceptors.response gives must be an answer'],
  ])('are refused when they give %s', async (_what, interceptors, message) => {
    await using server = await localServer(echo)
    await using client = new HttpClient({ baseUrl: `${server.url}/v1`, interceptors })
    const error = (await failureOf(client.get('/'))) as Error
    expect(error).toMatchObject({ code: 'COMM_CONFIGURATION', message: expect.stringContaining(message) })
    expect(error.message).not.toContain('S3CRET')
  })

  it.each<[unknown, string]>([
    [{ request: () => undefined }, 'HttpClient.interceptors.request must be an array, each item a function, got a function'],
    [{ responses: [] }, 'HttpClient.interceptors.responses is an unknown option'],
    [[], 'HttpClient.interceptors must be an object, got an array of 0'],
  ])('%j are refused at the door', (interceptors, message) => {
    expect(() => new HttpClient({ interceptors: interceptors as Interceptors })).toThrow(message)
  })
})
