import { request as httpRequest } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, connect } from 'node:net'
import { gotTransport, HttpClient } from '@comm/http'
import { undiciTransport } from '@comm/http/undici'
import { createTlsFiles } from '@comm/testkit/servers'
import { describe, expect, it } from '@jest/globals'
import { type Echoed, echo, failureOf, type LocalServer, localServer, until } from '../support/local-server.ts'

const { ca, cert, key } = await createTlsFiles()

interface ProxyServer extends LocalServer {
  readonly seen: string[]
}

/** Forwards what is in absolute form, and opens tunnels; `authorization` is demanded. */
async function proxyServer(authorization?: string): Promise<ProxyServer> {
  const seen: string[] = []
  const server = await localServer((request, response) => {
    seen.push(`${request.method} ${request.url}`)
    if (authorization !== undefined && request.headers['proxy-authorization'] !== authorization) {
      response.writeHead(407).end('who are you?')
      return
    }
    const { 'proxy-authorization': _credentials, 'proxy-connection': _connection, ...headers } = request.headers
    const onwards = httpRequest(request.url ?? '', { method: request.method ?? 'GET', headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 0, answer.headers)
      answer.pipe(response)
    })
    request.pipe(onwards)
  })
  const tunnels = new Set<{ destroy(): void }>()
  server.server.on('connect', (request, socket) => {
    seen.push(`CONNECT ${request.url}`)
    if (authorization !== undefined && request.headers['proxy-authorization'] !== authorization) {
      return void socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
    }
    const [host = '', port] = (request.url ?? '').split(':')
    const onwards = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      onwards.pipe(socket).pipe(onwards)
    })
    for (const each of [socket, onwards]) {
      tunnels.add(each)
      each.on('error', () => undefined)
    }
  })
  return Object.assign(server, {
    seen,
    async [Symbol.asyncDispose]() {
      for (const tunnel of tunnels) tunnel.destroy()
      server.server.closeAllConnections()
      await new Promise<void>((resolve) => server.server.close(() => resolve()))
    },
  })
}

async function tlsServer(): Promise<{ readonly url: string } & AsyncDisposable> {
  const server = createTlsServer({ cert, key }, echo)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `https://localhost:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

const BASIC = `Basic ${Buffer.from('user:s3cret').toString('base64')}`

describe.each([
  ['got', gotTransport],
  ['undici', undiciTransport],
] as const)('a proxy, on %s', (_library, make) => {
  it('forwards http:', async () => {
    await using server = await localServer(echo)
    await using proxy = await proxyServer()
    await using transport = make({ proxy: proxy.url })
    await using client = new HttpClient({ baseUrl: server.url, transport })
    for (let round = 0; round < 3; round++) {
      const answer = (await client.post('/a?b=1', { json: { round } })).json<Echoed>()
      expect(answer).toMatchObject({ url: '/a?b=1', body: `{"round":${round}}` })
      expect(`http://${answer.headers['host']}`).toBe(server.url)
    }
    expect(proxy.seen).toEqual(Array(3).fill(`POST ${server.url}/a?b=1`))
    expect(transport.stats()).toEqual({ open: 1, idle: 1, pending: 0 })
  })

  it('opens a tunnel for https:, which is kept and in which certificates are checked', async () => {
    await using server = await tlsServer()
    await using proxy = await proxyServer(BASIC)
    await using transport = make({ proxy: { https: proxy.url.replace('http://', 'http://user:s3cret@') } })
    await using client = new HttpClient({ baseUrl: server.url, tls: { ca }, transport })
    for (let round = 0; round < 3; round++) expect((await client.get('/a')).status).toBe(200)
    expect(proxy.seen).toEqual([`CONNECT ${server.url.replace('https://', '')}`])
    expect(transport.stats()).toEqual({ open: 1, idle: 1, pending: 0 })
    await using distrustful = new HttpClient({ baseUrl: server.url, transport })
    expect(await failureOf(distrustful.get('/a'))).toMatchObject({ code: 'COMM_CONNECTION', retryable: false })
  })

  it('is not asked for what noProxy excepts', async () => {
    await using server = await localServer(echo)
    await using proxy = await proxyServer()
    await using transport = make({ proxy: { http: proxy.url, noProxy: '127.0.0.1' } })
    await using client = new HttpClient({ transport })
    await client.get(server.url)
    await client.get(server.url.replace('127.0.0.1', 'localhost')).catch(() => undefined)
    expect(proxy.seen).toHaveLength(1)
  })

  it.each(['http', 'https'])('that demands other credentials is a typed error, for %s:', async (scheme) => {
    await using server = await localServer(echo)
    await using proxy = await proxyServer(BASIC)
    await using transport = make({ proxy: proxy.url.replace('http://', 'http://user:wr0ng@') })
    await using client = new HttpClient({ transport, timeout: { totalMs: 10_000 } })
    const error = await failureOf(client.get(server.url.replace('http', scheme).replace('httpss', 'https')))
    expect(error).toMatchObject({ code: expect.stringMatching(/^COMM_(CONNECTION|HTTP_STATUS)$/) })
    expect(JSON.stringify(error) + String(error)).toContain('407')
    expect(JSON.stringify(error) + String(error)).not.toMatch(/wr0ng|d3IwbmcK|Basic/)
  })

  it('that is away is a connection that cannot be had', async () => {
    const proxy = await proxyServer()
    await proxy[Symbol.asyncDispose]()
    await using transport = make({ proxy: proxy.url })
    await using client = new HttpClient({ transport, timeout: { totalMs: 10_000 } })
    for (const url of ['http://127.0.0.1:9/', 'https://127.0.0.1:9/']) {
      expect(await failureOf(client.get(url))).toMatchObject({ code: 'COMM_CONNECTION', details: { sent: 'no' } })
    }
    await until(() => transport.stats().open === 0)
  })
})

it('a proxy is given to the transport, where one is given', () => {
  const transport = gotTransport()
  expect(() => new HttpClient({ transport, proxy: 'http://u:s3cret@p' })).toThrow(
    'HttpClient.proxy must be given to the transport, where one is given, got both',
  )
  expect(() => new HttpClient({ proxy: 7 as never })).toThrow(
    "HttpClient.proxy must be 'environment', the http: or https: URL of a proxy, or an object with http, https and noProxy, got [redacted]",
  )
})
