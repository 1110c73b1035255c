import { getEventListeners } from 'node:events'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { type CommunicationError, constantBackoff, fallback, HttpStatusError, retry, TimeoutError } from '@comm/core'
import { HttpClient, HttpResponse, type HttpTransport, totalTimeout } from '@comm/http'
import { describe, expect, it } from '@jest/globals'
import { type Echoed, echo, failureOf, localServer } from './support/local-server.ts'

describe('a request', () => {
  it('appends path and query to the base URL', async () => {
    await using server = await localServer(echo)
    await using client = new HttpClient({ baseUrl: `${server.url}/v1/` })
    const urls = ['/users', 'users', '/users?a=0', ''].map(async (path) => {
      const response = await client.get(path, { query: { b: 1, c: ['x y', true], d: undefined, e: null } })
      return response.json<Echoed>().url
    })
    expect(await Promise.all(urls)).toEqual([
      '/v1/users?b=1&c=x+y&c=true',
      '/v1/users?b=1&c=x+y&c=true',
      '/v1/users?a=0&b=1&c=x+y&c=true',
      '/v1?b=1&c=x+y&c=true',
    ])
  })

  it('may name an absolute URL, with a base URL only of its origin', async () => {
    await using server = await localServer(echo)
    await using free = new HttpClient()
    await using bound = new HttpClient({ baseUrl: server.url })
    expect((await free.get(`${server.url}/x`)).json<Echoed>().url).toBe('/x')
    expect((await bound.get(new URL(`${server.url}/y`))).json<Echoed>().url).toBe('/y')
    expect(String(await failureOf(bound.get('http://other.test/')))).toContain('must be of the origin of baseUrl')
  })

  it.each(['get', 'post', 'put', 'patch', 'delete'] as const)('%s() sends its method', async (method) => {
    await using server = await localServer(echo)
    await using client = new HttpClient({ baseUrl: server.url })
    expect((await client[method]('/')).json()).toMatchObject({ method: method.toUpperCase(), body: '' })
  })

  it('head() gives the headers without a body', async () => {
    await using server = await localServer((_request, response) =>
      response.writeHead(200, { 'content-length': '12', 'content-encoding': 'gzip' }).end(),
    )
    await using client = new HttpClient({ baseUrl: server.url })
    const response = await client.head('/')
    expect(response.headers['content-length']).toBe('12')
    expect(response.bytes()).toHaveLength(0)
  })

  it.each([
    [{ json: { a: [1, 'ü'] } }, 'application/json', '{"a":[1,"ü"]}'],
    [{ json: null }, 'application/json', 'null'],
    [{ form: { a: 'x y', b: [1, 2] } }, 'application/x-www-form-urlencoded', 'a=x+y&b=1&b=2'],
    [{ body: 'text' }, 'text/plain; charset=utf-8', 'text'],
    [{ body: 'a,b', headers: { 'Content-Type': 'text/csv' } }, 'text/csv', 'a,b'],
    [{ body: Buffer.from('raw') }, undefined, 'raw'],
    [
      {
        body: () =>
          (async function* () {
            yield Buffer.from('made')
          })(),
      },
      undefined,
      'made',
    ],
  ])('sends %j as %s', async (options, type, body) => {
    await using server = await localServer(echo)
    await using client = new HttpClient({ baseUrl: server.url })
    const echoed = (await client.post('/', options)).json<Echoed>()
    expect([echoed.headers['content-type'], echoed.body]).toEqual([type, body])
  })

  it('carries the client’s headers, then its own; undefined takes one away', async () => {
    await using server = await localServer(echo)
    await using client = new HttpClient({ baseUrl: server.url, headers: { 'X-One': 'client', 'x-two': 2, 'User-Agent': 'me' } })
    const { headers } = (await client.get('/', { headers: { 'x-ONE': 'request', 'X-Two': undefined } })).json<Echoed>()
    expect(headers).toMatchObject({ 'x-one': 'request', 'user-agent': 'me' })
    expect(headers).not.toHaveProperty('x-two')
  })
})

describe('a transport that knows signals alone', () => {
  it('is given one for each attempt, which aborts when the attempt is over', async () => {
    const signals: (AbortSignal | undefined)[] = []
    const transport: HttpTransport = {
      name: 'mute',
      send(_request, signal) {
        signals.push(signal)
        return new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))
      },
      stats: () => ({ open: 0, idle: 0, pending: 0 }),
      [Symbol.asyncDispose]: async () => {},
    }
    const policies = [retry({ maxRetries: 1, backoff: constantBackoff({ baseMs: 0 }) })]
    await using client = new HttpClient({ baseUrl: 'http://a.test', transport, policies, timeout: { attemptMs: 1 } })
    expect(await failureOf(client.get('/'))).toBeInstanceOf(TimeoutError)
    expect(signals.map((signal) => signal instanceof AbortSignal && signal.reason)).toEqual([
      expect.any(TimeoutError),
      expect.any(TimeoutError),
    ])
    expect(signals[0]).not.toBe(signals[1])
  })
})

describe('an answer', () => {
  it.each([
    ['gzip', gzipSync('{"ok":true}')],
    ['br', brotliCompressSync('{"ok":true}')],
    ['deflate', deflateSync('{"ok":true}')],
    ['GZIP', gzipSync('{"ok":true}')],
  ])('is decoded from %s, whole and streamed', async (coding, bytes) => {
    await using server = await localServer((_request, response) =>
      response.writeHead(200, { 'content-encoding': coding, 'content-length': bytes.length }).end(bytes),
    )
    await using client = new HttpClient({ baseUrl: server.url })
    const response = await client.get('/')
    expect(response.json()).toEqual({ ok: true })
    expect(response.headers).not.toHaveProperty('content-encoding')
    expect(response.headers).not.toHaveProperty('content-length')
    await using streamed = await client.stream('GET', '/')
    expect(Buffer.concat(await streamed.body.toArray()).toString()).toBe('{"ok":true}')
  })

  it('is text in the charset that it names', async () => {
    await using server = await localServer((request, response) => {
      response.writeHead(200, { 'content-type': `text/plain; charset=${request.url === '/latin' ? 'iso-8859-1' : 'no-such'}` })
      response.end(request.url === '/latin' ? Buffer.from([0xfc]) : 'ü')
    })
    await using client = new HttpClient({ baseUrl: server.url })
    expect((await client.get('/latin')).text()).toBe('ü')
    expect((await client.get('/unknown')).text()).toBe('ü')
  })

  it('that is not JSON says so when JSON is asked for', async () => {
    await using server = await localServer((_request, response) =>
      response.writeHead(200, { 'content-type': 'text/html' }).end('<p>'),
    )
    await using client = new HttpClient({ baseUrl: server.url })
    const response = await client.get('/x')
    expect(() => response.json()).toThrow(
      expect.objectContaining({
        code: 'COMM_UNDECODABLE',
        message: `GET ${server.url}/x was answered 200 with a body that is not JSON (content-type text/html, 3 bytes)`,
      }),
    )
  })

  it('with 3xx is not followed and not an error', async () => {
    await using server = await localServer((_request, response) => response.writeHead(301, { location: '/new' }).end())
    await using client = new HttpClient({ baseUrl: server.url })
    const response = await client.get('/')
    expect([response.status, response.ok, response.headers.location]).toEqual([301, false, '/new'])
  })
})

describe('a 4xx or 5xx', () => {
  const answer404 = (url: string | undefined): string => `{"error":"no ${url?.split('?', 1)[0]}","padding":"${'x'.repeat(5000)}"}`

  it('is thrown, with what is needed to understand it and no secret', async () => {
    await using server = await localServer((request, response) => {
      response.writeHead(404, { 'content-type': 'application/json' }).end(answer404(request.url))
    })
    await using client = new HttpClient({ baseUrl: server.url, headers: { authorization: 'Bearer s3cret' } })
    const error = (await failureOf(client.get('/a', { query: { page: 2, api_key: 's3cret' } }))) as HttpStatusError
    expect(error).toBeInstanceOf(HttpStatusError)
    expect(error.message).toBe(`GET ${server.url}/a?page=2&api_key=[redacted] was answered 404`)
    expect(error).toMatchObject({ status: 404, retryable: false, details: { method: 'GET', status: 404, attempts: 1 } })
    const body = String(error.details['body'])
    expect(body).toHaveLength(1024)
    expect(body.startsWith('{"error":"no /a"')).toBe(true)
    expect(JSON.stringify(error) + error.stack).not.toContain('s3cret')
  })

  it.each([204, 304, 200])('without a body has none, whatever its headers say of a coding (%d)', async (status) => {
    await using server = await localServer((_request, response) =>
      response.writeHead(status, { 'content-encoding': 'gzip', ...(status === 200 && { 'content-length': '0' }) }).end(),
    )
    await using client = new HttpClient({ baseUrl: server.url })
    expect((await client.get('/')).bytes()).toHaveLength(0)
    await using streamed = await client.stream('GET', '/')
    expect(await streamed.body.toArray()).toEqual([])
  })

  it.each([
    ['120', 120_000],
    ['Sunday, 06-Nov-94 08:49:37 GMT', 0],
    ['Thu Jan  1 00:00:00 1970', 0],
    [new Date(Date.now() + 3_600_000).toUTCString(), 3_600_000],
    ['Thu, 01 Jan 1970 00:00:00 GMT', 0],
    ['soon', undefined],
  ])('tells the wait that Retry-After %s asks for', async (header, expected) => {
    await using server = await localServer((_request, response) => response.writeHead(429, { 'retry-after': header }).end())
    await using client = new HttpClient({ baseUrl: server.url })
    const { details, retryable } = (await failureOf(client.get('/'))) as HttpStatusError
    expect(retryable).toBe(true)
    const { retryAfterMs } = details as { retryAfterMs?: number }
    if (expected === undefined) expect(retryAfterMs).toBeUndefined()
    else expect(Math.abs((retryAfterMs ?? Number.NaN) - expected)).toBeLessThan(60_000)
  })

  it.each(['client', 'request'])('is an answer like any other when throwHttpErrors is false for the %s', async (where) => {
    await using server = await localServer((_request, response) => response.writeHead(500).end('broken'))
    await using client = new HttpClient({ baseUrl: server.url, throwHttpErrors: where !== 'client' })
    const options = where === 'request' ? { throwHttpErrors: false } : {}
    const response = await client.get('/', options)
    expect([response.status, response.ok, response.text()]).toEqual([500, false, 'broken'])
    await using streamed = await client.stream('GET', '/', options)
    expect(Buffer.concat(await streamed.body.toArray()).toString()).toBe('broken')
  })

  it('is thrown by stream() too, and leaves no connection busy', async () => {
    await using server = await localServer((_request, response) => response.writeHead(500).end('broken'))
    await using client = new HttpClient({ baseUrl: server.url })
    expect(await failureOf(client.stream('GET', '/'))).toBeInstanceOf(HttpStatusError)
    expect(client.stats()).toEqual({ open: 1, idle: 1, pending: 0 })
  })
})

describe('the size limit', () => {
  it.each(['gzip', 'br'])('stops a %s bomb, whole and streamed', async (coding) => {
    const zeros = Buffer.alloc(50 * 1024 * 1024)
    const bomb = coding === 'gzip' ? gzipSync(zeros) : brotliCompressSync(zeros, { params: { 1: 1 } })
    expect(bomb.length).toBeLessThan(100_000)
    await using server = await localServer((_request, response) =>
      response.writeHead(200, { 'content-encoding': coding }).end(bomb),
    )
    await using client = new HttpClient({ baseUrl: server.url, maxResponseBytes: 1_000_000 })
    const whole = await failureOf(client.get('/'))
    expect(whole).toMatchObject({ code: 'COMM_TOO_LARGE', details: { maxBytes: 1_000_000 } })
    await using streamed = await client.stream('GET', '/')
    let received = 0
    const error = await failureOf(
      (async () => {
        for await (const chunk of streamed.body) received += (chunk as Uint8Array).byteLength
      })(),
    )
    expect(error).toMatchObject({ code: 'COMM_TOO_LARGE' })
    expect(received).toBeLessThanOrEqual(1_000_000)
  })

  it('can be raised for one request', async () => {
    await using server = await localServer((_request, response) => response.end('0123456789'))
    await using client = new HttpClient({ baseUrl: server.url, maxResponseBytes: 5 })
    expect(String(await failureOf(client.get('/')))).toContain('was answered with more than 5 bytes (maxResponseBytes)')
    expect((await client.get('/', { maxResponseBytes: 10 })).text()).toBe('0123456789')
  })

  it('does not hide a body that is broken', async () => {
    await using server = await localServer((_request, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end('no gzip'),
    )
    await using client = new HttpClient({ baseUrl: server.url })
    expect(await failureOf(client.get('/'))).toMatchObject({ code: 'COMM_CONNECTION', retryable: false })
    await using streamed = await client.stream('GET', '/')
    expect(String(await failureOf(streamed.body.toArray()))).toContain('was answered with a body that is not gzip')
  })
})

describe('time limits and aborts', () => {
  it('totalMs ends a call whose server does not answer', async () => {
    await using server = await localServer(() => undefined)
    await using client = new HttpClient({ baseUrl: server.url, timeout: { totalMs: 30 } })
    const error = await failureOf(client.get('/slow'))
    expect(error).toBeInstanceOf(TimeoutError)
    expect(error).toMatchObject({
      code: 'COMM_TIMEOUT',
      message: `GET ${server.url}/slow was not answered within 30 ms (totalMs)`,
      details: { limit: 'total', limitMs: 30 },
    })
  })

  it('totalMs covers the body of a stream', async () => {
    await using server = await localServer((_request, response) => void response.write('begin'))
    await using client = new HttpClient({ baseUrl: server.url, timeout: { totalMs: 1000 } })
    await using streamed = await client.stream('GET', '/')
    expect(await failureOf(streamed.body.toArray())).toMatchObject({ code: 'COMM_TIMEOUT', details: { limit: 'total' } })
  })

  it('one phase can be changed for one request', async () => {
    await using server = await localServer(() => undefined)
    await using client = new HttpClient({ baseUrl: server.url })
    expect(await failureOf(client.get('/', { timeout: { readMs: 20 } }))).toMatchObject({
      details: { limit: 'read', limitMs: 20 },
    })
  })

  it('an abort is COMM_ABORTED with the reason as its cause', async () => {
    const arrived = Promise.withResolvers<void>()
    await using server = await localServer(() => arrived.resolve())
    await using client = new HttpClient({ baseUrl: server.url })
    const controller = new AbortController()
    const failure = failureOf(client.get('/', { signal: controller.signal }))
    await arrived.promise
    const reason = new Error('not needed any more')
    controller.abort(reason)
    expect(await failure).toMatchObject({
      code: 'COMM_ABORTED',
      message: `GET ${server.url}/ was aborted by its caller`,
      cause: reason,
    })
  })

  it('AbortSignal.timeout is a time limit', async () => {
    await using server = await localServer(() => undefined)
    await using client = new HttpClient({ baseUrl: server.url })
    const error = await failureOf(client.get('/', { signal: AbortSignal.timeout(20) }))
    expect(error).toMatchObject({ code: 'COMM_TIMEOUT', details: { limit: 'signal' } })
  })

  it('an abort ends the body of a stream, and takes its listener along', async () => {
    await using server = await localServer((_request, response) => void response.write('begin'))
    await using client = new HttpClient({ baseUrl: server.url })
    const controller = new AbortController()
    await using streamed = await client.stream('GET', '/', { signal: controller.signal })
    const failure = failureOf(streamed.body.toArray())
    controller.abort()
    expect(await failure).toMatchObject({ code: 'COMM_ABORTED' })
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
  })

  it('1,000 calls on one signal leave no listener', async () => {
    await using server = await localServer((request, response) => response.writeHead(request.url === '/bad' ? 500 : 200).end('x'))
    await using client = new HttpClient({ baseUrl: server.url })
    const { signal } = new AbortController()
    const one = async (index: number): Promise<void> => {
      if (index % 5 !== 0) return void (await client.get(index % 7 === 0 ? '/bad' : '/', { signal }))
      await using streamed = await client.stream('GET', '/', { signal })
      await streamed.body.toArray()
    }
    for (let batch = 0; batch < 20; batch++) await Promise.allSettled(Array.from({ length: 50 }, (_, index) => one(index)))
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })
})

describe('a stale connection', () => {
  const closesSecondRequest = (): Parameters<typeof localServer>[0] => {
    const seen = new WeakSet()
    return (request, response) => {
      // Closes the connection under the second request on it, as a server does whose idle limit runs out in that moment.
      if (seen.has(request.socket)) return void request.socket.destroy()
      seen.add(request.socket)
      response.end('fine')
    }
  }

  it('is no error for an idempotent request', async () => {
    await using server = await localServer(closesSecondRequest())
    await using client = new HttpClient({ baseUrl: server.url })
    for (let call = 0; call < 5; call++) expect((await client.get('/')).text()).toBe('fine')
  })

  it('is an error for a POST, which may have been seen', async () => {
    await using server = await localServer(closesSecondRequest())
    await using client = new HttpClient({ baseUrl: server.url })
    await client.post('/')
    expect(await failureOf(client.post('/'))).toMatchObject({ code: 'COMM_CONNECTION', details: { sent: 'maybe', reused: true } })
    await client.post('/')
    expect((await client.post('/', { headers: { 'Idempotency-Key': '7' } })).text()).toBe('fine')
  })
})

describe('policies', () => {
  it('run around every call, and may stand outside the total time limit', async () => {
    await using server = await localServer(() => undefined)
    await using client = new HttpClient({
      baseUrl: server.url,
      timeout: { totalMs: 50, attemptMs: 20 },
      policies: [
        fallback(
          (error) =>
            new HttpResponse(
              { method: 'GET', url: new URL(server.url), status: 200, headers: {}, attempts: 0 },
              Buffer.from(String((error as CommunicationError).code)),
            ),
        ),
        totalTimeout,
        retry({ maxRetries: 100 }),
      ],
    })
    expect((await client.get('/')).text()).toBe('COMM_TIMEOUT')
    expect(
      client
        .describe()
        .split('\n')
        .map((line) => line.split(' (', 1)[0]),
    ).toEqual(['fallback', 'total timeout', 'retry', 'attempt timeout'])
  })
})

describe('closing', () => {
  it('waits for what is under way, and refuses what comes later', async () => {
    let answer: () => void = () => undefined
    const arrived = Promise.withResolvers<void>()
    await using server = await localServer((_request, response) => {
      answer = () => response.end('late')
      arrived.resolve()
    })
    const client = new HttpClient({ baseUrl: server.url })
    const pending = client.get('/')
    await arrived.promise
    const closed = client.close()
    expect(await failureOf(client.get('/'))).toMatchObject({ code: 'COMM_CLOSED' })
    answer()
    expect((await pending).text()).toBe('late')
    await closed
    await client.close()
    expect(client.stats().open).toBe(0)
  })
})
