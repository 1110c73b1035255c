import { createServer, type Socket } from 'node:net'
import type { Gateway } from '@comm/gateway'
import { waitFor } from '@comm/testkit'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { RawConnection } from './support/raw.ts'
import { echo, gatewayFor, rawService, type Seen, service, type TestService } from './support/services.ts'

let users: TestService
let gateway: Gateway

beforeAll(async () => {
  users = await service(echo)
  gateway = await gatewayFor({ services: { 'user-service': users.url }, maxHeaderBytes: 8192 })
})

afterAll(async () => {
  await gateway.stop()
  await users[Symbol.asyncDispose]()
})

/** Everything that comes back until the gateway closes the connection. */
async function exchange(bytes: string): Promise<string> {
  await using raw = await RawConnection.to(gateway.url)
  raw.write(bytes)
  return await raw.untilClosed()
}

const statusesOf = (text: string): readonly number[] =>
  [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status))
const seenIn = (text: string): Seen => JSON.parse(text.slice(text.indexOf('{"method"'), text.lastIndexOf('}') + 1)) as Seen

const P = '/api/v1/users'
const HOST = 'Host: shop.example.com\r\n'
const END = 'Connection: close\r\n\r\n'
/** What a smuggler would like to see answered: a second request inside the first. */
const INNER = 'GET /api/v1/users/smuggled HTTP/1.1\r\nHost: x\r\n\r\n'

describe('requests that are refused, and never reach a service', () => {
  it.each<[string, string, number]>([
    [
      'Content-Length and Transfer-Encoding',
      `POST ${P} HTTP/1.1\r\n${HOST}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${INNER}`,
      400,
    ],
    [
      'Transfer-Encoding and Content-Length',
      `POST ${P} HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n${INNER}`,
      400,
    ],
    ['two different lengths', `POST ${P} HTTP/1.1\r\n${HOST}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!${INNER}`, 400],
    ['two equal lengths', `POST ${P} HTTP/1.1\r\n${HOST}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello${INNER}`, 400],
    ['a list of lengths', `POST ${P} HTTP/1.1\r\n${HOST}Content-Length: 5, 5\r\n\r\nhello${INNER}`, 400],
    ['a length with a sign', `POST ${P} HTTP/1.1\r\n${HOST}Content-Length: +5\r\n\r\nhello${INNER}`, 400],
    ['a hexadecimal length', `POST ${P} HTTP/1.1\r\n${HOST}Content-Length: 0x5\r\n\r\nhello${INNER}`, 400],
    ['a negative length', `POST ${P} HTTP/1.1\r\n${HOST}Content-Length: -1\r\n\r\n${INNER}`, 400],
    ['an unknown coding', `POST ${P} HTTP/1.1\r\n${HOST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${INNER}`, 501],
    [
      'chunked not as the last coding',
      `POST ${P} HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${INNER}`,
      400,
    ],
    ['a coding beside chunked', `POST ${P} HTTP/1.1\r\n${HOST}Transfer-Encoding: gzip, chunked\r\n${END}0\r\n\r\n`, 501],
    ['a space before the colon', `POST ${P} HTTP/1.1\r\n${HOST}Content-Length : 5\r\n\r\nhello`, 400],
    ['chunked with a vertical tab', `POST ${P} HTTP/1.1\r\n${HOST}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n${INNER}`, 400],
    ['Transfer-Encoding in HTTP/1.0', `POST ${P} HTTP/1.0\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
    ['a folded field', `GET ${P} HTTP/1.1\r\n${HOST}X-Folded: a\r\n b\r\n${END}`, 400],
    ['a folded length', `POST ${P} HTTP/1.1\r\n${HOST}Content-Length:\r\n 5\r\n\r\nhello`, 400],
    ['a bare CR in a value', `GET ${P} HTTP/1.1\r\n${HOST}X-A: b\rX-B: c\r\n${END}`, 400],
    ['a bare CR between fields', `GET ${P} HTTP/1.1\r\nHost: x\rX-B: c\r\n${END}`, 400],
    ['a NUL in a value', `GET ${P} HTTP/1.1\r\n${HOST}X-A: b\x00c\r\n${END}`, 400],
    ['a bad chunk size', `POST ${P} HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\nZZ\r\nhello\r\n0\r\n\r\n`, 400],
    ['a field without a name', `GET ${P} HTTP/1.1\r\n${HOST}: value\r\n${END}`, 400],
    ['a field with a space in its name', `GET ${P} HTTP/1.1\r\n${HOST}X Y: value\r\n${END}`, 400],
    ['no Host', `GET ${P} HTTP/1.1\r\n${END}`, 400],
    ['two Hosts', `GET ${P} HTTP/1.1\r\nHost: a\r\nHost: b\r\n${END}`, 400],
    ['a Host with a path', `GET ${P} HTTP/1.1\r\nHost: a/b\r\n${END}`, 400],
    ['a Host with a user', `GET ${P} HTTP/1.1\r\nHost: user@a\r\n${END}`, 400],
    ['an unknown version', `GET ${P} HTTP/3.7\r\n${HOST}${END}`, 400],
    ['an unknown method', `BREW ${P} HTTP/1.1\r\n${HOST}${END}`, 400],
    ['a method in lower case', `get ${P} HTTP/1.1\r\n${HOST}${END}`, 400],
    ['a target without a slash', `GET users HTTP/1.1\r\n${HOST}${END}`, 400],
    ['a target of another scheme', `GET ftp://a/users HTTP/1.1\r\n${HOST}${END}`, 400],
    ['dot segments', `GET ${P}/../../../etc HTTP/1.1\r\n${HOST}${END}`, 400],
    ['encoded dot segments', `GET ${P}/%2e%2E/admin HTTP/1.1\r\n${HOST}${END}`, 400],
    ['dot segments behind an encoded slash', `GET ${P}/a%2f..%2fadmin HTTP/1.1\r\n${HOST}${END}`, 400],
    ['a backslash', `GET ${P}\\..\\admin HTTP/1.1\r\n${HOST}${END}`, 400],
    ['an encoded NUL', `GET ${P}/%00 HTTP/1.1\r\n${HOST}${END}`, 400],
    ['a percent sign that encodes nothing', `GET ${P}/%zz HTTP/1.1\r\n${HOST}${END}`, 400],
    ['an asterisk without OPTIONS', `GET * HTTP/1.1\r\n${HOST}${END}`, 400],
    ['TRACE', `TRACE ${P} HTTP/1.1\r\n${HOST}${END}`, 405],
    ['CONNECT', 'CONNECT shop.example.com:443 HTTP/1.1\r\nHost: shop.example.com:443\r\n\r\n', 405],
    ['another expectation', `POST ${P} HTTP/1.1\r\n${HOST}Expect: 200-ok\r\nContent-Length: 2\r\n${END}hi`, 417],
    ['a head that is too large', `GET ${P} HTTP/1.1\r\n${HOST}X-Large: ${'x'.repeat(9000)}\r\n${END}`, 431],
    ['WebSocket that is no GET', `POST ${P} HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`, 400],
    ['no HTTP at all', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
  ])('%s', async (_, bytes, status) => {
    const before = users.requests.length
    const answered = await exchange(bytes)
    expect(statusesOf(answered)[0]).toBe(status)
    expect(answered).toMatch(/content-type: application\/problem\+json/i)
    expect(answered).not.toContain('smuggled')
    expect(users.requests.slice(before).map(({ url }) => url)).not.toContain('/users/smuggled')
  })
})

describe('requests that are served', () => {
  it.each<[string, string, Partial<Seen>]>([
    [
      'absolute form, whose host takes the place of Host',
      `GET http://other.example.com${P}?a=1 HTTP/1.1\r\n${HOST}${END}`,
      { url: '/users?a=1' },
    ],
    ['absolute form without a path', `GET http://other.example.com/api/v1/users HTTP/1.1\r\n${HOST}${END}`, { url: '/users' }],
    ['HTTP/1.0', `GET ${P} HTTP/1.0\r\n${HOST}\r\n`, { method: 'GET' }],
    [
      'chunks, extensions and trailers, which stay behind',
      `POST ${P} HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n${END}5;a=b\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n`,
      { body: 'hello' },
    ],
    [
      'an offer of HTTP/2, as Java makes it with its first request',
      `POST ${P} HTTP/1.1\r\n${HOST}Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAA\r\nContent-Length: 2\r\n\r\nhi`,
      { method: 'POST', body: 'hi' },
    ],
    ['a body of a GET', `GET ${P} HTTP/1.1\r\n${HOST}Content-Length: 2\r\n${END}hi`, { body: 'hi' }],
    ['an empty body', `POST ${P} HTTP/1.1\r\n${HOST}Content-Length: 0\r\n${END}`, { body: '' }],
    ['bytes above 127 in a value', `GET ${P} HTTP/1.1\r\n${HOST}X-A: caf\xe9\r\n${END}`, { method: 'GET' }],
    ['a path with encoded slashes', `GET ${P}/a%2Fb HTTP/1.1\r\n${HOST}${END}`, { url: '/users/a%2Fb' }],
    [
      'Connection that names what frames the message',
      `POST ${P} HTTP/1.1\r\n${HOST}Content-Length: 2\r\nConnection: close, content-length, host\r\n\r\nhi`,
      { body: 'hi' },
    ],
  ])('%s', async (_, bytes, seen) => {
    expect(seenIn(await exchange(bytes))).toMatchObject(seen)
  })

  it('the host of an absolute target is the one that is forwarded', async () => {
    const { headers } = seenIn(await exchange(`GET http://other.example.com${P} HTTP/1.1\r\n${HOST}${END}`))
    expect(headers['x-forwarded-host']).toBe('other.example.com')
  })

  it('OPTIONS * asks about the gateway itself', async () => {
    expect(await exchange(`OPTIONS * HTTP/1.1\r\n${HOST}${END}`)).toMatch(/^HTTP\/1\.1 204 .*allow: DELETE, GET/is)
  })

  it('several in one piece are answered in their order', async () => {
    const one = (id: number): string => `GET ${P}/${id} HTTP/1.1\r\n${HOST}\r\n`
    const answered = await exchange(`${one(1)}${one(2)}GET ${P}/3 HTTP/1.1\r\n${HOST}${END}`)
    expect([...answered.matchAll(/"url":"\/users\/(\d)"/g)].map(([, id]) => id)).toEqual(['1', '2', '3'])
  })

  it('Expect: 100-continue is answered before the body is asked for, and not where the request is refused', async () => {
    await using raw = await RawConnection.to(gateway.url)
    raw.write(`POST ${P} HTTP/1.1\r\n${HOST}Content-Length: 5\r\nExpect: 100-continue\r\n${END}`)
    expect(await raw.until('\r\n\r\n')).toMatch(/^HTTP\/1\.1 100 Continue\r\n/)
    raw.write('hello')
    expect(seenIn(await raw.untilClosed())).toMatchObject({ body: 'hello' })
    const refused = await exchange(`POST /nowhere HTTP/1.1\r\n${HOST}Content-Length: 5\r\nExpect: 100-continue\r\n${END}`)
    expect(statusesOf(refused)).toEqual([404])
  })
})

describe('answers', () => {
  const through = (url: string) => gatewayFor({ services: { odd: { url, path: '/odd', retry: false } } })

  it('trailers come through', async () => {
    await using odd = await service((_, response) => {
      response.writeHead(200, { trailer: 'X-Sum' })
      response.write('hello')
      response.addTrailers({ 'X-Sum': '42' })
      response.end()
    })
    await using own = await through(odd.url)
    await using raw = await RawConnection.to(own.url)
    raw.write(`GET /odd HTTP/1.1\r\n${HOST}${END}`)
    expect(await raw.untilClosed()).toMatch(/5\r\nhello\r\n0\r\nx-sum: 42\r\n\r\n$/i)
  })

  it('fields about the connection to the service stay behind, several of a name come through', async () => {
    await using odd = await rawService((socket) =>
      socket.once('data', () =>
        socket.end(
          'HTTP/1.1 200 OK\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=1\r\nUpgrade: h2c\r\nProxy-Authenticate: Basic\r\n' +
            'Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 2\r\n\r\nok',
        ),
      ),
    )
    await using own = await through(odd.url)
    const answer = await fetch(`${own.url}/odd`)
    expect(answer.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
    for (const name of ['x-hop', 'upgrade', 'proxy-authenticate']) expect(answer.headers.get(name)).toBeNull()
    expect(await answer.text()).toBe('ok')
  })

  it.each([
    ['HEAD', 'HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n', 200, '1000'],
    ['204', 'GET', 'HTTP/1.1 204 No Content\r\n\r\n', 204, null],
    ['304', 'GET', 'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n', 304, null],
  ])('%s has no body', async (_, method, bytes, status, length) => {
    await using odd = await rawService((socket) => socket.on('data', () => socket.write(bytes)))
    await using own = await through(odd.url)
    const answer = await fetch(`${own.url}/odd`, { method })
    expect([answer.status, answer.headers.get('content-length'), await answer.text()]).toEqual([status, length, ''])
  })

  it('a body that ends with the connection of the service is whole', async () => {
    await using odd = await rawService((socket) => socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\n\r\nto the end')))
    await using own = await through(odd.url)
    expect(await (await fetch(`${own.url}/odd`)).text()).toBe('to the end')
  })

  it('one that comes before the request is whole ends it', async () => {
    await using odd = await rawService((socket) =>
      socket.once('data', () => socket.end('HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig')),
    )
    await using own = await through(odd.url)
    await using raw = await RawConnection.to(own.url)
    raw.write(`POST /odd HTTP/1.1\r\n${HOST}Content-Length: 1000000\r\n\r\n${'x'.repeat(1000)}`)
    expect(await raw.until('big')).toMatch(/^HTTP\/1\.1 413 /)
  })

  it('one that breaks off cuts the connection of the client, so that it is not taken for whole', async () => {
    await using odd = await rawService((socket) =>
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n')),
    )
    await using own = await through(odd.url)
    await using raw = await RawConnection.to(own.url)
    raw.write(`GET /odd HTTP/1.1\r\n${HOST}\r\n`)
    const text = await raw.untilClosed()
    expect(text).toContain('hello')
    expect(text).not.toContain('0\r\n\r\n')
  })
})

describe('connections that are closed on one side', () => {
  it('a client that closes its side has left: its request is cancelled', async () => {
    let isClosed = false
    const sockets: Socket[] = []
    const server = createServer((socket) => {
      sockets.push(socket)
      socket.on('close', () => {
        isClosed = true
      })
      socket.on('error', () => undefined)
      socket.resume()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    await using own = await gatewayFor({ services: { slow: { url: `http://127.0.0.1:${port}`, path: '/slow' } } })
    await using raw = await RawConnection.to(own.url, { allowHalfOpen: true })
    raw.write(`GET /slow HTTP/1.1\r\n${HOST}\r\n`)
    await waitFor(() => sockets.length === 1)
    raw.socket.end()
    await waitFor(() => isClosed, { what: 'the cancelled request' })
    await waitFor(() => own.inFlight === 0)
    server.close()
  })
})
