import { createGateway } from '@comm/gateway'
import { waitFor } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'
import { RawConnection } from './support/raw.ts'
import { echo, gatewayFor, rawService, type Seen, service } from './support/services.ts'

const quick = { retry: { maxRetries: 2, budget: false, backoff: { type: 'constant', baseMs: 1, jitter: 0 } } } as const

describe('automatic routes', () => {
  it('serve /api/v1/<plural> of <name>-service, which sees the path without the prefix', async () => {
    await using users = await service(echo)
    await using companies = await service(echo)
    await using gateway = await gatewayFor({ services: { 'user-service': users.url, 'company-service': companies.url } })
    const seen = (await (await fetch(`${gateway.url}/api/v1/users/7?full=1`)).json()) as Seen
    expect(seen).toMatchObject({ method: 'GET', url: '/users/7?full=1' })
    expect(await (await fetch(`${gateway.url}/api/v1/companies`)).json()).toMatchObject({ url: '/companies' })
    expect(gateway.describe()).toMatch(/\/api\/v1\/users\/\*\s+-> user-service as \/users\/\*/)
    expect((await fetch(`${gateway.url}/api/v1/user`)).status).toBe(404)
  })

  it('an explicit path wins, and false means none', async () => {
    await using people = await service(echo)
    await using hidden = await service(echo)
    await using gateway = await gatewayFor({
      services: { 'person-service': { url: people.url, path: '/staff' }, 'secret-service': { url: hidden.url, path: false } },
    })
    expect(await (await fetch(`${gateway.url}/staff/7`)).json()).toMatchObject({ url: '/staff/7' })
    expect((await fetch(`${gateway.url}/api/v1/people/7`)).status).toBe(404)
    expect((await fetch(`${gateway.url}/api/v1/secrets`)).status).toBe(404)
  })
})

describe('explicit routes', () => {
  it('are chosen by path, method, host, header and query; the more special comes first', async () => {
    const named = (name: string) => service((_, response) => response.end(name))
    await using one = await named('one')
    await using two = await named('two')
    await using three = await named('three')
    await using four = await named('four')
    await using five = await named('five')
    await using gateway = await gatewayFor({
      services: { one: one.url, two: two.url, three: three.url, four: four.url, five: five.url },
      routes: [
        { path: '/*', service: 'one' },
        { path: '/orders/:id', service: 'two', methods: ['GET'] },
        { path: '/orders/*', service: 'three', headers: { 'x-beta': 'yes' } },
        { path: '/orders/new', service: 'four', query: { draft: true } },
        { path: '/orders/*', service: 'five', hosts: ['*.example.com'] },
      ],
    })
    const ask = async (path: string, init: RequestInit = {}): Promise<string> => (await fetch(gateway.url + path, init)).text()
    expect(await ask('/anything')).toBe('one')
    expect(await ask('/orders/7')).toBe('two')
    expect(await ask('/orders/7', { method: 'POST' })).toBe('one')
    expect(await ask('/orders/7/lines', { headers: { 'x-beta': 'yes' } })).toBe('three')
    expect(await ask('/orders/new?draft')).toBe('four')
    expect(await ask('/orders/new')).toBe('two')
    await using raw = await RawConnection.to(gateway.url)
    raw.write('GET /orders/7/lines HTTP/1.1\r\nHost: shop.example.com:80\r\nConnection: close\r\n\r\n')
    expect(await raw.untilClosed()).toContain('five')
  })

  it('rewrite paths by template and by prefix, without decoding anything', async () => {
    await using users = await service(echo)
    await using gateway = await gatewayFor({
      services: { users: { url: `${users.url}/base/`, path: false } },
      routes: [
        { path: '/shops/:shop/people/*', service: 'users', rewrite: '/v2/:shop/users/*' },
        { path: '/old/*', service: 'users', stripPrefix: '/old' },
      ],
    })
    const urlOf = async (path: string): Promise<string> => ((await (await fetch(gateway.url + path)).json()) as Seen).url
    expect(await urlOf('/shops/a%20b/people/x%2Fy/z?q=%41')).toBe('/base/v2/a%20b/users/x%2Fy/z?q=%41')
    expect(await urlOf('/old/7')).toBe('/base/7')
    expect(await urlOf('/old')).toBe('/base/')
  })

  it('share by weight', async () => {
    await using stable = await service((_, response) => response.end('stable'))
    await using canary = await service((_, response) => response.end('canary'))
    let at = 0
    await using gateway = await gatewayFor({
      services: { stable: { url: stable.url, path: false }, canary: { url: canary.url, path: false } },
      routes: [
        {
          path: '/*',
          to: [
            { service: 'stable', weight: 9 },
            { service: 'canary', weight: 1 },
          ],
        },
      ],
      random: () => (at++ % 10) / 10,
    })
    const answers: string[] = []
    for (let call = 0; call < 20; call++) answers.push(await (await fetch(gateway.url)).text())
    expect(answers.filter((answer) => answer === 'canary')).toHaveLength(2)
  })

  it('answer 404 and 405 as problem documents, with the correlation id of the client', async () => {
    await using users = await service(echo)
    await using gateway = await gatewayFor({
      services: { users: { url: users.url, path: false } },
      routes: [{ path: '/users', service: 'users', methods: ['GET', 'POST'] }],
    })
    const missing = await fetch(`${gateway.url}/nobody`, { headers: { 'x-correlation-id': 'abc' } })
    expect(missing.status).toBe(404)
    expect(missing.headers.get('content-type')).toBe('application/problem+json')
    expect(await missing.json()).toMatchObject({ status: 404, code: 'COMM_REFUSED', correlationId: 'abc' })
    const wrong = await fetch(`${gateway.url}/users`, { method: 'DELETE' })
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'GET, POST'])
  })
})

describe('what a service sees', () => {
  it('has ids, forwarded fields and Via, and nothing about the connection of the client', async () => {
    await using users = await service(echo)
    await using gateway = await gatewayFor({ services: { 'user-service': users.url } })
    await using raw = await RawConnection.to(gateway.url)
    raw.write(
      'GET /api/v1/users HTTP/1.1\r\nHost: shop.example.com\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n' +
        'TE: trailers\r\nProxy-Authorization: Basic x\r\nProxy-Connection: keep-alive\r\nX-Forwarded-For: 6.6.6.6\r\n' +
        'Forwarded: for=6.6.6.6\r\nX-Forwarded-Host: evil\r\nX-Correlation-ID: c-1\r\nX-Request-ID: forged\r\nX-Kept: a\r\nX-Kept: b\r\nVia: 1.0 front\r\n\r\n',
    )
    const text = await raw.untilClosed()
    const { headers, names } = JSON.parse(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1)) as Seen
    expect(headers).toMatchObject({
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-host': 'shop.example.com',
      'x-forwarded-proto': 'http',
      forwarded: 'for=127.0.0.1;host="shop.example.com";proto=http',
      via: '1.0 front, 1.1 comm-gateway',
      'x-correlation-id': 'c-1',
      'x-kept': 'a, b',
      host: new URL(users.url).host,
      connection: 'keep-alive',
    })
    expect(headers['x-request-id']).toMatch(/^[\da-f-]{36}$/)
    for (const gone of ['x-hop', 'keep-alive', 'te', 'proxy-authorization', 'proxy-connection'])
      expect(names.map((name) => name.toLowerCase())).not.toContain(gone)
    expect(text).toMatch(/x-correlation-id: c-1/i)
  })

  it('believes the proxies that it is told to trust', async () => {
    await using users = await service(echo)
    await using gateway = await gatewayFor({ services: { 'user-service': users.url }, trustedProxies: ['127.0.0.0/8'] })
    const headers = { 'x-forwarded-for': '1.2.3.4', forwarded: 'for=1.2.3.4' }
    const seen = (await (await fetch(`${gateway.url}/api/v1/users`, { headers })).json()) as Seen
    expect(seen.headers['x-forwarded-for']).toBe('1.2.3.4, 127.0.0.1')
    expect(seen.headers['forwarded']).toMatch(/^for=1\.2\.3\.4, for=127\.0\.0\.1;/)
  })

  it('may be the Host of the client, and the time that it still waits', async () => {
    await using users = await service(echo)
    await using gateway = await gatewayFor({ services: { 'user-service': { url: users.url, preserveHost: true } } })
    const seen = (await (
      await fetch(`${gateway.url}/api/v1/users`, { headers: { 'x-request-timeout-ms': '5000' } })
    ).json()) as Seen
    expect(seen.headers['host']).toBe(new URL(gateway.url).host)
    expect(seen.headers['x-request-timeout-ms']).toBe('5000')
  })
})

describe('failures', () => {
  it('are tried again at another instance, with the body, where that is safe', async () => {
    await using bad = await service((request, response) => request.resume().on('end', () => response.writeHead(503).end('no')))
    await using good = await service(echo)
    await using gateway = await gatewayFor({
      services: {
        users: {
          instances: [new URL(bad.url).host, new URL(good.url).host],
          balancing: 'roundRobin',
          path: '/users',
          breaker: false,
          ...quick,
        },
      },
    })
    for (let call = 0; call < 4; call++) {
      const answer = await fetch(`${gateway.url}/users`, { method: 'PUT', body: 'hello' })
      expect([answer.status, ((await answer.json()) as Seen).body]).toEqual([200, 'hello'])
    }
    expect(bad.requests.length).toBeGreaterThan(0)
    const before = bad.requests.length + good.requests.length
    const posts = []
    for (let call = 0; call < 4; call++) posts.push((await fetch(`${gateway.url}/users`, { method: 'POST', body: 'x' })).status)
    expect(posts.filter((status) => status === 503)).not.toHaveLength(0)
    expect(bad.requests.length + good.requests.length - before).toBe(4)
    const keyed = await fetch(`${gateway.url}/users`, { method: 'POST', body: 'x', headers: { 'idempotency-key': '1' } })
    expect(keyed.status).toBe(200)
  })

  it('give the last answer where every attempt failed by its status, and 502 where none could connect', async () => {
    await using bad = await service((_, response) => response.writeHead(503, { 'x-why': 'busy' }).end('busy'))
    await using gateway = await gatewayFor({
      services: { busy: { url: bad.url, path: '/busy', ...quick }, gone: { url: 'http://127.0.0.1:1', path: '/gone', ...quick } },
    })
    const busy = await fetch(`${gateway.url}/busy`)
    expect([busy.status, busy.headers.get('x-why'), await busy.text(), bad.requests.length]).toEqual([503, 'busy', 'busy', 3])
    const gone = await fetch(`${gateway.url}/gone`, { method: 'POST', body: 'x' })
    expect([gone.status, await gone.json()]).toMatchObject([502, { code: 'COMM_CONNECTION' }])
  })

  it('open the breaker of their service alone', async () => {
    await using bad = await service((_, response) => response.writeHead(500).end())
    await using good = await service(echo)
    await using gateway = await gatewayFor({
      services: {
        bad: { url: bad.url, path: '/bad', retry: false, outlierDetection: false, breaker: { consecutiveFailures: 3 } },
        good: { url: good.url, path: '/good' },
      },
    })
    const statuses = []
    for (let call = 0; call < 5; call++) statuses.push((await fetch(`${gateway.url}/bad`)).status)
    expect(statuses).toEqual([500, 500, 500, 503, 503])
    expect(bad.requests).toHaveLength(3)
    expect((await fetch(`${gateway.url}/good`)).status).toBe(200)
  })

  it('a client that leaves cancels its request at the service, and counts against nobody', async () => {
    let cancelled = 0
    await using slow = await service((request, response) => {
      if (request.url === '/slow/quick') response.end('quick')
      else response.on('close', () => cancelled++)
    })
    await using gateway = await gatewayFor({
      services: {
        slow: { url: slow.url, path: '/slow', breaker: { consecutiveFailures: 1 }, outlierDetection: { consecutiveFailures: 1 } },
      },
    })
    for (let call = 1; call <= 5; call++) {
      const controller = new AbortController()
      const asked = fetch(`${gateway.url}/slow`, { signal: controller.signal }).catch(() => 'left')
      await waitFor(() => slow.requests.length === call)
      controller.abort()
      expect(await asked).toBe('left')
      await waitFor(() => cancelled === call, { what: `${call} cancelled requests` })
    }
    expect(await (await fetch(`${gateway.url}/slow/quick`)).text()).toBe('quick')
    await waitFor(() => gateway.inFlight === 0)
  })

  it('time limits answer 504, and a service that breaks off cuts the connection of the client', async () => {
    await using stalls = await service((request, response) => {
      if (request.url === '/stalls/head') return
      response.writeHead(200, { 'content-length': '10' })
      response.write('12345')
      if (request.url === '/stalls/cut') setImmediate(() => response.destroy())
    })
    await using gateway = await gatewayFor({
      services: {
        stalls: { url: stalls.url, path: '/stalls', retry: false, breaker: false, timeouts: { responseMs: 100, idleMs: 150 } },
      },
    })
    const late = await fetch(`${gateway.url}/stalls/head`)
    expect([late.status, await late.json()]).toMatchObject([504, { code: 'COMM_TIMEOUT' }])
    await expect(fetch(`${gateway.url}/stalls/cut`).then((answer) => answer.text())).rejects.toThrow()
    await expect(fetch(`${gateway.url}/stalls/silent`).then((answer) => answer.text())).rejects.toThrow()
  })

  it('a bulkhead refuses what is too much with 503', async () => {
    const open: (() => void)[] = []
    await using slow = await service((_, response) => void open.push(() => response.end('done')))
    await using gateway = await gatewayFor({
      services: { slow: { url: slow.url, path: '/slow', bulkhead: { limit: 1, maxQueue: 0 } } },
    })
    const first = fetch(`${gateway.url}/slow`)
    await waitFor(() => open.length === 1)
    expect((await fetch(`${gateway.url}/slow`)).status).toBe(503)
    open[0]?.()
    expect(await (await first).text()).toBe('done')
  })
})

describe('health', () => {
  it('active checks take an instance out and in again', async () => {
    let isWell = true
    await using sick = await service((request, response) =>
      response.writeHead(request.url === '/health' && !isWell ? 500 : 200).end('sick'),
    )
    await using well = await service((_, response) => response.end('well'))
    await using gateway = await gatewayFor({
      services: {
        mixed: {
          instances: [new URL(sick.url).host, new URL(well.url).host],
          path: '/mixed',
          balancing: 'roundRobin',
          healthCheck: { intervalMs: 20, timeoutMs: 5000, unhealthyAfter: 1, healthyAfter: 1 },
        },
      },
    })
    const answers = async (): Promise<readonly string[]> => {
      const found = []
      for (let call = 0; call < 4; call++) found.push(await (await fetch(`${gateway.url}/mixed`)).text())
      return [...new Set(found)].sort()
    }
    expect(await answers()).toEqual(['sick', 'well'])
    isWell = false
    await waitFor(() => gateway.services['mixed']?.available === 1)
    expect(await answers()).toEqual(['well'])
    expect(await (await fetch(`${gateway.url}/health`)).json()).toMatchObject({ components: { mixed: { status: 'degraded' } } })
    isWell = true
    await waitFor(() => gateway.services['mixed']?.available === 2)
    expect(await answers()).toEqual(['sick', 'well'])
  })

  it('/ready is red before the stop, and requests under way are finished', async () => {
    const open: (() => void)[] = []
    await using slow = await service((_, response) => void open.push(() => response.end('done')))
    const gateway = createGateway({
      port: 0,
      host: '127.0.0.1',
      services: { slow: { url: slow.url, path: '/slow' } },
      readinessDelayMs: 3000,
    })
    await gateway.start()
    const { url } = gateway
    expect((await fetch(`${url}/ready`)).status).toBe(200)
    const asked = fetch(`${url}/slow`)
    await waitFor(() => open.length === 1)
    const stopping = gateway.stop()
    expect((await fetch(`${url}/ready`)).status).toBe(503)
    await waitFor(() =>
      fetch(`${url}/ready`).then(
        () => false,
        () => true,
      ),
    )
    open[0]?.()
    expect(await (await asked).text()).toBe('done')
    expect((await stopping).problems).toEqual([])
  })
})

describe('a configuration that is reloaded', () => {
  it('holds for the next request, keeps what has not changed, and is refused whole when anything is wrong', async () => {
    await using one = await service((_, response) => response.end('one'))
    await using two = await service((_, response) => response.end('two'))
    await using gateway = await gatewayFor({ services: { a: { url: one.url, path: '/a' } } })
    const ask = async (path: string): Promise<string> => (await fetch(gateway.url + path)).text()
    expect(await ask('/a')).toBe('one')
    gateway.reload({ services: { a: { url: two.url, path: '/a' }, b: { url: one.url, path: '/b' } } })
    expect([await ask('/a'), await ask('/b')]).toEqual(['two', 'one'])
    expect(() => gateway.reload({ services: { a: 'nonsense' }, routes: [{ path: 'x', service: 'nobody' }] })).toThrow(
      /services\.a must be.*\n.*routes\[0\]\.path/s,
    )
    expect(await ask('/b')).toBe('one')
  })
})

describe('a service that is not one', () => {
  it.each([
    ['speaks no HTTP', 'nonsense\r\n\r\n'],
    ['has two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nx'],
    ['has a length and chunks', 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['splits a field', 'HTTP/1.1 200 OK\r\nx-a: b\rc: d\r\ncontent-length: 0\r\n\r\n'],
  ])('that %s is a bad gateway', async (_, bytes) => {
    await using odd = await rawService((socket) => socket.once('data', () => socket.write(bytes)))
    await using gateway = await gatewayFor({ services: { odd: { url: odd.url, path: '/odd', retry: false } } })
    const answer = await fetch(`${gateway.url}/odd`)
    expect([answer.status, await answer.json()]).toMatchObject([502, { code: 'COMM_CONNECTION' }])
  })
})

describe('the correlation id', () => {
  it('is told once, also where the service tells it too', async () => {
    await using users = await service((request, response) => {
      response.setHeader('X-Correlation-ID', [String(request.headers['x-correlation-id']), 'another']).end()
    })
    await using gateway = await gatewayFor({ services: { 'user-service': users.url } })
    const answer = await fetch(`${gateway.url}/api/v1/users/7`, { headers: { 'x-correlation-id': 'c-1' } })
    expect(answer.headers.get('x-correlation-id')).toBe('c-1')
  })
})
