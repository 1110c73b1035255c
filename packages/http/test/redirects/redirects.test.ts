import { Readable } from 'node:stream'
import { staticEndpoints } from '@comm/core/balancing'
import { EnhancedHttpClient, gotTransport, HttpClient } from '@comm/http'
import { undiciTransport } from '@comm/http/undici'
import { describe, expect, it } from '@jest/globals'
import { CookieJar } from 'tough-cookie'
import { bodyOf, failureOf, type LocalServer, localServer } from '../support/local-server.ts'

interface Site extends LocalServer {
  readonly calls: {
    readonly method: string | undefined
    readonly url: string | undefined
    readonly headers: Readonly<Record<string, unknown>>
    readonly body: string
  }[]
}

/** `/307/next` answers 307 to `/next`; everything else 200. */
async function site(extra: Readonly<Record<string, Record<string, string | string[]>>> = {}, to = ''): Promise<Site> {
  const calls: Site['calls'] = []
  const server = await localServer((request, response) => {
    void bodyOf(request).then((body) => {
      const { method, url = '', headers } = request
      calls.push({ method, url, headers, body })
      const [, status, rest] = /^\/(30\d)(\/.*)$/.exec(url) ?? []
      const more = extra[url] ?? {}
      if (status === undefined) response.writeHead(200, more).end('there')
      else response.writeHead(Number(status), { location: `${to}${rest}`, ...more }).end('moved')
    })
  })
  return Object.assign(server, { calls })
}

describe.each([
  ['got', gotTransport],
  ['undici', undiciTransport],
] as const)('redirects over %s', (_library, make) => {
  it('are answers unless asked for', async () => {
    await using server = await site()
    await using transport = make()
    await using client = new HttpClient({ baseUrl: server.url, transport })
    expect((await client.get('/302/a')).status).toBe(302)
  })

  it.each([
    ['GET', 301, 'GET'],
    ['HEAD', 303, 'HEAD'],
    ['POST', 301, 'GET'],
    ['POST', 302, 'GET'],
    ['PUT', 302, 'PUT'],
    ['PUT', 303, 'GET'],
    ['POST', 307, 'POST'],
    ['PATCH', 308, 'PATCH'],
  ])('%s that is answered %d goes on as %s', async (method, status, next) => {
    await using server = await site()
    await using transport = make()
    await using client = new HttpClient({ baseUrl: server.url, transport, maxRedirects: 3 })
    const body = method === 'GET' || method === 'HEAD' ? {} : { json: { a: 1 } }
    const answer = await client.request(method, `/${status}/${status}/end`, body)
    expect(answer.status).toBe(200)
    expect(answer.url.pathname).toBe('/end')
    const sent = next === method && method !== 'GET' && method !== 'HEAD'
    expect(server.calls.map((call) => call.method)).toEqual([method, next, next])
    expect(server.calls[2]?.body).toBe(sent ? '{"a":1}' : '')
    expect(server.calls[2]?.headers['content-type']).toBe(sent ? 'application/json' : undefined)
  })

  it('to another origin carry no credentials, and none of the jar that are not for it', async () => {
    await using other = await site()
    await using server = await site({}, other.url.replace('127.0.0.1', 'localhost'))
    await using transport = make()
    const jar = new CookieJar()
    await jar.setCookie('session=s3cret', server.url)
    await using client = new HttpClient({ transport, maxRedirects: 3, cookieJar: jar })
    const headers = { authorization: 'Bearer t', cookie: 'own=1', 'x-own': '1' }
    await client.get(`${server.url}/302/there`, { auth: { apiKey: { header: 'x-key', value: 's3cret' } } })
    expect(server.calls.at(-1)?.headers['x-key']).toBe('s3cret')
    expect(other.calls.at(-1)?.headers['x-key']).toBeUndefined()
    const answer = await client.get(`${server.url}/302/there`, { headers })
    expect(answer.text()).toBe('there')
    expect(server.calls.at(-1)?.headers).toMatchObject({ cookie: 'own=1; session=s3cret', authorization: 'Bearer t' })
    const { authorization, cookie, 'x-own': own, host } = other.calls.at(-1)?.headers ?? {}
    expect({ authorization, cookie, own, host }).toEqual({ own: '1', host: other.url.replace('http://127.0.0.1', 'localhost') })
  })

  it('stream their last answer, and leave no connection behind', async () => {
    await using server = await site()
    await using transport = make()
    await using client = new HttpClient({ baseUrl: server.url, transport, maxRedirects: 3 })
    const answer = await client.stream('GET', '/302/302/end')
    const chunks: Uint8Array[] = []
    for await (const chunk of answer.body) chunks.push(chunk as Uint8Array)
    expect(Buffer.concat(chunks).toString()).toBe('there')
    expect(transport.stats()).toMatchObject({ pending: 0 })
  })

  it('go with cookies, which each answer may set', async () => {
    await using server = await site({
      '/302/login': { 'set-cookie': ['a=1; Path=/', 'bad=1; Domain=evil.test'] },
      '/login': { 'set-cookie': 'b=2; Path=/' },
      '/out': { 'set-cookie': 'a=; Max-Age=0; Path=/' },
    })
    await using transport = make()
    const jar = new CookieJar()
    await using client = new HttpClient({ baseUrl: server.url, transport, maxRedirects: 3, cookieJar: jar })
    await client.get('/302/login')
    await client.get('/out', { headers: { cookie: 'own=1' } })
    await client.get('/end')
    expect(server.calls.map(({ headers }) => headers['cookie'])).toEqual([undefined, 'a=1', 'own=1; a=1; b=2', 'b=2'])
  })
})

describe('redirects are not followed', () => {
  it.each<[string, string, string]>([
    ['/loop', '/loop', 'after 3 redirects (maxRedirects)'],
    ['/a', 'https://evil.test/?token=s3cret', 'to https://evil.test, and no request leaves the origin of baseUrl'],
    ['/a', 'http://u:s3cret@evil.test/', 'to http://evil.test, with credentials'],
    ['/a', 'file:///etc/passwd', 'to a file: URL'],
    ['/a', 'http://[', 'to what is no URL'],
  ])('from %s to %s', async (path, location, why) => {
    await using server = await localServer((_request, response) => response.writeHead(302, { location }).end())
    await using client = new HttpClient({ baseUrl: server.url, maxRedirects: 3 })
    const error = await failureOf(client.get(path))
    expect(error).toMatchObject({ code: 'COMM_HTTP_STATUS', status: 302, retryable: false })
    expect(String(error)).toContain(`was answered 302, a redirect that is not followed: ${why}`)
    expect(String(error)).not.toContain('s3cret')
  })

  it('with a stream that has been sent', async () => {
    await using server = await site()
    await using client = new HttpClient({ baseUrl: server.url, maxRedirects: 3 })
    const body = Readable.from(['once'], { objectMode: false })
    expect(String(await failureOf(client.post('/307/end', { body })))).toContain('its body was a stream that has been sent')
    const again = await client.post('/307/end', { body: () => Readable.from(['again'], { objectMode: false }) })
    expect(again.status).toBe(200)
  })

  it('longer than the whole call may take', async () => {
    await using server = await localServer((_request, response) => {
      setTimeout(() => response.writeHead(302, { location: '/again' }).end(), 20)
    })
    await using client = new EnhancedHttpClient({ baseUrl: server.url, maxRedirects: 1000, timeout: { totalMs: 150 } })
    expect(await failureOf(client.get('/'))).toMatchObject({ code: 'COMM_TIMEOUT', details: { limit: 'total' } })
  })
})

describe('a redirect of an instance of a service', () => {
  it('to its own address stays with the service', async () => {
    await using server = await localServer(({ url, headers }, response) => {
      if (url === '/v1/old') response.writeHead(302, { location: `http://${headers.host}/v1/new?a=1` }).end()
      else response.end('there')
    })
    await using client = new HttpClient({
      baseUrl: 'service://orders/v1',
      endpoints: [server.url.replace('http://', '')],
      maxRedirects: 1,
    })
    const answer = await client.get('/old')
    expect([answer.url.href, answer.text()]).toEqual(['http://orders/v1/new?a=1', 'there'])
  })

  it('to another host goes there, and not to an instance', async () => {
    const asked: string[] = []
    await using other = await localServer(({ url }, response) => {
      asked.push(`other ${url}`)
      response.end('other')
    })
    await using server = await localServer(({ url }, response) => {
      asked.push(`service ${url}`)
      response.writeHead(302, { location: `${other.url}/b` }).end()
    })
    const source = staticEndpoints([server.url.replace('http://', '')])
    await using client = new HttpClient({ endpoints: () => source, maxRedirects: 1 })
    expect((await client.get('service://orders/a')).text()).toBe('other')
    expect(asked).toEqual(['service /a', 'other /b'])
  })
})

it('cookies of error answers are kept, and a jar that fails is told of', async () => {
  await using server = await localServer((_request, response) => response.writeHead(401, { 'set-cookie': 'a=1' }).end())
  const jar = new CookieJar()
  await using client = new HttpClient({ baseUrl: server.url, cookieJar: jar })
  expect(await failureOf(client.get('/'))).toMatchObject({ status: 401 })
  expect(await jar.getCookieString(server.url)).toBe('a=1')
  const broken = { getCookieString: () => Promise.reject(new Error('no jar')), setCookie: () => undefined }
  await using without = new HttpClient({ baseUrl: server.url, cookieJar: broken })
  expect(String(await failureOf(without.get('/')))).toContain('no jar')
  expect(() => new HttpClient({ cookieJar: {} as never })).toThrow(
    'HttpClient.cookieJar must be a cookie jar such as tough-cookie has (with getCookieString(), setCookie()), got an object with keys (none)',
  )
  expect(() => new HttpClient({ maxRedirects: -1 })).toThrow('HttpClient.maxRedirects must be an integer >= 0, got -1')
})
