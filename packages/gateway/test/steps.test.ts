import { AuthenticationError, AuthorizationError } from '@comm/core'
import { waitFor } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'
import { echo, gatewayFor, type Seen, service } from './support/services.ts'

const hidden = (url: string) => ({ url, path: false }) as const

describe('a rate limit', () => {
  it('is counted by key, told in the fields, and refuses with 429', async () => {
    await using users = await service(echo)
    await using gateway = await gatewayFor({
      services: { users: hidden(users.url) },
      routes: [{ path: '/users', service: 'users', rateLimit: { perSecond: 0.001, burst: 2, key: { header: 'X-Tenant' } } }],
    })
    const ask = (tenant: string): Promise<Response> => fetch(`${gateway.url}/users`, { headers: { 'x-tenant': tenant } })
    const first = await ask('a')
    expect([first.status, first.headers.get('ratelimit'), first.headers.get('ratelimit-policy')]).toEqual([
      200,
      '"default";r=1;t=1000',
      '"default";q=2;w=2000',
    ])
    expect((await ask('a')).status).toBe(200)
    const refused = await ask('a')
    expect([refused.status, await refused.json()]).toMatchObject([429, { code: 'COMM_RATE_LIMITED' }])
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(900)
    expect((await ask('b')).status).toBe(200)
    expect(users.requests).toHaveLength(3)
  })

  it('goes on as it was over a reload that does not change its route', async () => {
    await using users = await service(echo)
    const config = () => ({
      services: { users: hidden(users.url) },
      routes: [{ path: '/users', service: 'users', rateLimit: { perSecond: 0.001, burst: 1, key: 'route' as const } }],
    })
    await using gateway = await gatewayFor(config())
    expect((await fetch(`${gateway.url}/users`)).status).toBe(200)
    gateway.reload(config())
    expect((await fetch(`${gateway.url}/users`)).status).toBe(429)
  })
})

describe('cross-origin requests', () => {
  it('preflights are answered here, answers say who may read them, and what the service says about it is replaced', async () => {
    await using users = await service((_, response) => response.setHeader('access-control-allow-origin', '*').end('users'))
    await using gateway = await gatewayFor({
      services: { users: hidden(users.url) },
      routes: [
        {
          path: '/users',
          service: 'users',
          methods: ['GET'],
          cors: { origins: ['https://app.example.com'], credentials: true, exposedHeaders: ['etag'] },
        },
      ],
    })
    const preflight = (origin: string): Promise<Response> =>
      fetch(`${gateway.url}/users`, {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': 'PUT', 'access-control-request-headers': 'x-a' },
      })
    const allowed = await preflight('https://app.example.com')
    expect(allowed.status).toBe(204)
    expect(Object.fromEntries(allowed.headers)).toMatchObject({
      'access-control-allow-origin': 'https://app.example.com',
      'access-control-allow-credentials': 'true',
      'access-control-allow-headers': 'x-a',
      'access-control-max-age': '600',
    })
    expect((await preflight('https://evil.example.com')).headers.get('access-control-allow-origin')).toBeNull()
    expect(users.requests).toHaveLength(0)
    const answer = await fetch(`${gateway.url}/users`, { headers: { origin: 'https://app.example.com' } })
    expect([answer.headers.get('access-control-allow-origin'), answer.headers.get('access-control-expose-headers')]).toEqual([
      'https://app.example.com',
      'etag',
    ])
    const stranger = await fetch(`${gateway.url}/users`, { headers: { origin: 'https://evil.example.com' } })
    expect(stranger.headers.get('access-control-allow-origin')).toBeNull()
  })
})

describe('authentication', () => {
  it('answers 401 and 403, and what comes after knows who asks', async () => {
    await using users = await service(echo)
    const seen: unknown[] = []
    await using gateway = await gatewayFor({
      services: { users: hidden(users.url) },
      routes: [
        {
          path: '/users/*',
          service: 'users',
          auth: async ({ headers, path }) => {
            if (headers.authorization === undefined) throw new AuthenticationError('no token')
            if (path === '/users/secret') throw new AuthorizationError('not for you')
            return { subject: 'ada', method: 'test', scopes: [], roles: [], attributes: {} }
          },
          rateLimit: {
            perSecond: 100,
            key: (request) => {
              seen.push(request.principal?.subject)
              return 'x'
            },
          },
        },
      ],
    })
    const statusOf = async (path: string, headers: Record<string, string> = {}) =>
      (await fetch(gateway.url + path, { headers })).status
    const token = { authorization: 'Bearer x' }
    expect([await statusOf('/users/1'), await statusOf('/users/secret', token), await statusOf('/users/1', token)]).toEqual([
      401, 403, 200,
    ])
    expect(seen).toEqual(['ada'])
    expect(users.requests).toHaveLength(1)
  })
})

describe('the cache', () => {
  it('answers again without the service, confirms what is stale, and keeps nothing that is private', async () => {
    let version = 1
    await using users = await service((request, response) => {
      const etag = `"${version}"`
      if (request.url === '/private') response.setHeader('cache-control', 'private, max-age=60')
      else response.setHeader('cache-control', request.url === '/fresh' ? 'max-age=60' : 'no-cache').setHeader('etag', etag)
      if (request.headers['if-none-match'] === etag) response.writeHead(304).end()
      else response.end(`version ${version}`)
    })
    await using gateway = await gatewayFor({
      services: { users: hidden(users.url) },
      routes: [{ path: '/*', service: 'users', cache: true }],
    })
    const ask = async (path: string): Promise<readonly unknown[]> => {
      const answer = await fetch(gateway.url + path)
      return [answer.status, await answer.text(), /hit/.test(answer.headers.get('cache-status') ?? '')]
    }
    expect(await ask('/fresh')).toEqual([200, 'version 1', false])
    expect(await ask('/fresh')).toEqual([200, 'version 1', true])
    expect(users.requests).toHaveLength(1)
    expect((await ask('/confirmed')).slice(0, 2)).toEqual([200, 'version 1'])
    expect((await ask('/confirmed')).slice(0, 2)).toEqual([200, 'version 1'])
    expect(users.requests.at(-1)?.headers['if-none-match']).toBe('"1"')
    version = 2
    expect((await ask('/confirmed')).slice(0, 2)).toEqual([200, 'version 2'])
    await ask('/private')
    await ask('/private')
    expect(users.requests.filter(({ url }) => url === '/private')).toHaveLength(2)
  })
})

describe('validation', () => {
  const body = { type: 'object', required: ['id'], properties: { id: { type: 'integer' } }, additionalProperties: false }

  it('refuses bodies and queries that match no schema, with every issue, and passes on what matches as it came', async () => {
    await using orders = await service(echo)
    await using gateway = await gatewayFor({
      services: { orders: hidden(orders.url) },
      routes: [
        {
          path: '/orders',
          service: 'orders',
          validate: { body, query: { type: 'object', required: ['page'], properties: { page: { type: 'integer' } } } },
          maxBodyBytes: 100,
        },
      ],
    })
    const post = (text: string, query = '?page=1'): Promise<Response> =>
      fetch(`${gateway.url}/orders${query}`, { method: 'POST', body: text })
    const wrong = await post('{"id":"x","more":1}')
    expect(wrong.status).toBe(400)
    const { code, issues } = (await wrong.json()) as { code: string; issues: readonly { path: string }[] }
    expect([code, issues.map(({ path }) => path).sort()]).toEqual(['COMM_VALIDATION', ['body.id', 'body.more']])
    expect((await post('not json')).status).toBe(400)
    expect((await post('{"id":1}', '?page=one')).status).toBe(400)
    expect((await post('{"id":1}', '')).status).toBe(400)
    expect((await post(`{"id":${'1'.repeat(200)}}`)).status).toBe(413)
    expect(orders.requests).toHaveLength(0)
    expect(((await (await post('{ "id": 1 }')).json()) as Seen).body).toBe('{ "id": 1 }')
  })
})

describe('body limits', () => {
  it('hold for bodies that say their length and for those that do not', async () => {
    await using files = await service(echo)
    await using gateway = await gatewayFor({
      services: { files: hidden(files.url) },
      routes: [{ path: '/files', service: 'files', maxBodyBytes: 10 }],
    })
    const post = async (text: string, chunked: boolean): Promise<number> => {
      const body = chunked ? new Blob([text]).stream() : text
      return (
        await fetch(`${gateway.url}/files`, { method: 'POST', body, ...(chunked ? { duplex: 'half' } : {}) } as RequestInit)
      ).status
    }
    expect([await post('x'.repeat(10), false), await post('x'.repeat(11), false), await post('x'.repeat(11), true)]).toEqual([
      200, 413, 413,
    ])
  })
})

describe('transformation', () => {
  it('changes fields, query and bodies, both ways', async () => {
    await using users = await service((request, response) => {
      response.setHeader('server', 'secret/1.0')
      echo(request, response)
    })
    await using gateway = await gatewayFor({
      services: { users: hidden(users.url) },
      routes: [
        {
          path: '/users',
          service: 'users',
          transform: {
            request: {
              setHeaders: { 'X-Tenant': 'acme' },
              removeHeaders: ['Cookie'],
              setQuery: { limit: '10' },
              removeQuery: ['debug'],
              body: (text) => text.toString().toUpperCase(),
            },
            response: { setHeaders: { 'X-Served-By': 'gateway' }, removeHeaders: ['server'], body: (text) => `<${text}>` },
          },
        },
      ],
    })
    const answer = await fetch(`${gateway.url}/users?debug=1&a=b`, {
      method: 'POST',
      body: 'hello',
      headers: { cookie: 'a=1', 'x-tenant': 'forged' },
    })
    const text = await answer.text()
    expect([answer.headers.get('x-served-by'), answer.headers.get('server'), text[0], text.at(-1)]).toEqual([
      'gateway',
      null,
      '<',
      '>',
    ])
    const seen = JSON.parse(text.slice(1, -1)) as Seen
    expect(seen).toMatchObject({
      url: '/users?a=b&limit=10',
      body: 'HELLO',
      headers: { 'x-tenant': 'acme', 'content-length': '5' },
    })
    expect(seen.headers).not.toHaveProperty('cookie')
  })
})

describe('fallbacks, mirrors and aggregates', () => {
  it('a fallback is given where the gateway would fail', async () => {
    await using gateway = await gatewayFor({
      services: { gone: { url: 'http://127.0.0.1:1', path: false, retry: false } },
      routes: [{ path: '/tips', service: 'gone', fallback: { body: { tips: [] }, headers: { 'X-Fallback': 'yes' } } }],
    })
    const answer = await fetch(`${gateway.url}/tips`)
    expect([answer.status, answer.headers.get('x-fallback'), await answer.json()]).toEqual([200, 'yes', { tips: [] }])
  })

  it('a mirror sees the same, and nobody waits for it', async () => {
    const seen: string[] = []
    await using users = await service(echo)
    await using shadow = await service(
      (request) =>
        void request
          .on('data', (chunk) => seen.push(`${request.method} ${request.url} ${chunk}`))
          .on('end', () => seen.push('end')),
    )
    await using gateway = await gatewayFor({
      services: { users: hidden(users.url), shadow: hidden(shadow.url) },
      routes: [{ path: '/users', service: 'users', mirror: { service: 'shadow' } }],
    })
    const answer = await fetch(`${gateway.url}/users?a=1`, { method: 'POST', body: 'hello' })
    expect(((await answer.json()) as Seen).body).toBe('hello')
    await waitFor(() => seen.includes('end'))
    expect(seen[0]).toBe('POST /users?a=1 hello')
  })

  it('an aggregate gives what there is, and says what is missing', async () => {
    await using users = await service((request, response) => response.end(JSON.stringify({ asked: request.url })))
    await using orders = await service((_, response) => response.writeHead(500).end())
    const part = (required: boolean) => ({
      user: { service: 'users', path: '/users/:id' },
      orders: { service: 'orders', path: '/orders/of/:id', required },
    })
    await using gateway = await gatewayFor({
      services: { users: hidden(users.url), orders: { ...hidden(orders.url), retry: false } },
      routes: [
        { path: '/profile/:id', aggregate: part(false), methods: ['GET'] },
        { path: '/strict/:id', aggregate: part(true), methods: ['GET'] },
      ],
    })
    const partial = await fetch(`${gateway.url}/profile/7`)
    expect([partial.status, await partial.json()]).toEqual([
      200,
      { user: { asked: '/users/7' }, orders: null, errors: { orders: { status: 500 } } },
    ])
    expect((await fetch(`${gateway.url}/strict/7`)).status).toBe(502)
  })
})
