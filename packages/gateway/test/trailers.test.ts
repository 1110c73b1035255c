import { connect } from 'node:http2'
import { createTlsFiles } from '@comm/testkit/servers'
import { describe, expect, it } from '@jest/globals'
import { RawConnection } from './support/raw.ts'
import { echo, gatewayFor, rawService, type Seen, service } from './support/services.ts'

const HOST = 'Host: shop.example.com\r\n'
/** What RFC 9110 6.5.1 forbids in a trailer section, and what would say something else about the request or the answer. */
const FORBIDDEN = [
  'Host: evil.example.com',
  'Authorization: Bearer stolen',
  'Cookie: admin=1',
  'Content-Type: text/evil',
  'Content-Encoding: gzip',
  'Trailer: X-More',
  'Connection: X-Sum',
  'X-Forwarded-For: 6.6.6.6',
  'Set-Cookie: evil=1',
  'Cache-Control: max-age=9',
]

/** Answers like `echo`, with the trailers too. */
const withTrailers: typeof echo = (request, response) => {
  request.on('end', () => response.setHeader('x-seen-trailers', JSON.stringify(request.rawTrailers)))
  echo(request, response)
}

describe('trailers of requests', () => {
  it.each([
    ['one that is announced', 'Trailer: X-Sum\r\nTE: trailers\r\n', ['X-Sum: 42']],
    ['one that is not', '', ['X-Sum: 42']],
    ['those that no trailer may be', `Trailer: Host, Content-Length\r\n`, FORBIDDEN],
  ])('%s stay behind, and become no fields', async (_, head, trailers) => {
    await using users = await service(withTrailers)
    await using gateway = await gatewayFor({ services: { 'user-service': users.url } })
    await using raw = await RawConnection.to(gateway.url)
    const post = `POST /api/v1/users HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n${head}\r\n5\r\nhello\r\n0\r\n${trailers.join('\r\n')}\r\n\r\n`
    // What comes behind is the next request, not a part of the trailers.
    raw.write(`${post}GET /api/v1/users/next HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`)
    const text = await raw.untilClosed()
    const [first, next] = [...text.matchAll(/\{"method".*?"body":"\w*"\}/g)].map(([json]) => JSON.parse(json) as Seen)
    expect(text).toContain('x-seen-trailers: []')
    expect(first).toMatchObject({ method: 'POST', body: 'hello', headers: { 'transfer-encoding': 'chunked' } })
    for (const name of ['x-sum', 'trailer', 'te', 'content-length', 'authorization', 'cookie', 'content-type', 'set-cookie'])
      expect(first?.headers).not.toHaveProperty(name)
    expect(first?.headers['host']).not.toContain('evil')
    expect(first?.headers['x-forwarded-for']).toBe('127.0.0.1')
    expect(next).toMatchObject({ method: 'GET', url: '/users/next' })
  })

  it.each([
    ['a bare CR', 'X-A: b\rX-B: c'],
    ['a folded field', 'X-A: b\r\n c'],
    ['a space before the colon', 'X-A : b'],
    ['no name', ': b'],
    ['a length', 'Content-Length: 999'],
    ['a coding', 'Transfer-Encoding: chunked'],
    ['a request', 'GET /api/v1/users/smuggled HTTP/1.1'],
    ['more than a head may have', `X-A: ${'x'.repeat(20_000)}`],
  ])('%s among them ends the connection', async (_, trailer) => {
    await using users = await service(echo)
    await using gateway = await gatewayFor({ services: { 'user-service': users.url } })
    await using raw = await RawConnection.to(gateway.url)
    raw.write(`POST /api/v1/users HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n${trailer}\r\n\r\n`)
    raw.write(`GET /api/v1/users/smuggled HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`)
    expect(await raw.untilClosed()).not.toContain('200 OK')
    expect(users.requests.map(({ url }) => url)).not.toContain('/users/smuggled')
  })

  it('of HTTP/2 stay behind', async () => {
    await using users = await service(withTrailers)
    const { cert, key } = await createTlsFiles()
    await using gateway = await gatewayFor({ services: { 'user-service': users.url }, tls: { cert, key } })
    const session = connect(gateway.url, { rejectUnauthorized: false })
    const stream = session.request({ ':path': '/api/v1/users', ':method': 'POST' }, { waitForTrailers: true })
    const [headers, text] = await new Promise<[Record<string, unknown>, string]>((resolve, reject) => {
      let [seen, received] = [{} as Record<string, unknown>, '']
      stream.on('response', (given) => {
        seen = given
      })
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '42', 'content-type': 'text/evil' }))
      stream.on('data', (piece: Buffer) => {
        received += piece
      })
      stream.on('end', () => resolve([seen, received])).on('error', reject)
      stream.end('hello')
    })
    session.close()
    expect(headers).toMatchObject({ ':status': 200 })
    expect(JSON.parse(text)).toMatchObject({ body: 'hello' })
  })
})

describe('trailers of answers', () => {
  const answering = (head: string, trailers: readonly string[]) =>
    rawService((socket) =>
      socket.once('data', () =>
        socket.write(
          `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n${head}\r\n5\r\nhello\r\n0\r\n${trailers.join('\r\n')}\r\n\r\n`,
        ),
      ),
    )
  const through = (url: string) => gatewayFor({ services: { odd: { url, path: '/odd', retry: false } } })

  it.each([
    ['announced', 'Trailer: X-Sum\r\n'],
    ['not announced', ''],
  ])('come through, %s', async (_, head) => {
    await using odd = await answering(head, ['X-Sum: 42', 'X-Sum: 43'])
    await using gateway = await through(odd.url)
    await using raw = await RawConnection.to(gateway.url)
    raw.write(`GET /odd HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`)
    expect(await raw.untilClosed()).toMatch(/5\r\nhello\r\n0\r\nx-sum: 42\r\nx-sum: 43\r\n\r\n$/i)
  })

  it('that no trailer may be stay behind', async () => {
    await using odd = await answering('', [...FORBIDDEN.filter((trailer) => !trailer.startsWith('X-')), 'X-Sum: 42'])
    await using gateway = await through(odd.url)
    await using raw = await RawConnection.to(gateway.url)
    raw.write(`GET /odd HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`)
    const text = await raw.untilClosed()
    expect(text.slice(text.indexOf('hello\r\n0\r\n'))).toMatch(/^hello\r\n0\r\nx-sum: 42\r\n\r\n$/i)
  })

  it.each([
    ['HTTP/1.0', `GET /odd HTTP/1.0\r\n${HOST}\r\n`, /hello$/],
    ['a HEAD', `HEAD /odd HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`, /\r\n\r\n$/],
  ])('a client that cannot have them gets the rest: %s', async (_, request, end) => {
    await using odd = await rawService((socket) =>
      socket.once('data', (asked: Buffer) =>
        socket.write(
          `HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n${
            asked.toString().startsWith('HEAD') ? '' : '5\r\nhello\r\n0\r\nX-Sum: 42\r\n\r\n'
          }`,
        ),
      ),
    )
    await using gateway = await through(odd.url)
    await using raw = await RawConnection.to(gateway.url)
    raw.write(request)
    const text = await raw.untilClosed()
    expect(text).toMatch(/^HTTP\/1\.1 200 /)
    expect(text).toMatch(end)
    expect(text).not.toMatch(/x-sum: 42/i)
  })

  it('announced beside a length are no reason to fail', async () => {
    await using odd = await rawService((socket) =>
      socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nContent-Length: 5\r\n\r\nhello')),
    )
    await using gateway = await through(odd.url)
    const answer = await fetch(`${gateway.url}/odd`)
    expect([answer.status, await answer.text()]).toEqual([200, 'hello'])
  })

  it('come through over HTTP/2', async () => {
    await using odd = await answering('Trailer: X-Sum\r\n', ['X-Sum: 42', 'Connection: close', 'Transfer-Encoding: chunked'])
    const { cert, key } = await createTlsFiles()
    await using gateway = await gatewayFor({ services: { odd: { url: odd.url, path: '/odd' } }, tls: { cert, key } })
    const session = connect(gateway.url, { rejectUnauthorized: false })
    const stream = session.request({ ':path': '/odd' })
    const trailers = await new Promise<object>((resolve, reject) => {
      stream.on('trailers', resolve).on('error', reject)
      stream.resume()
    })
    session.close()
    expect(trailers).toEqual(expect.objectContaining({ 'x-sum': '42' }))
    expect(Object.keys(trailers)).toEqual(['x-sum'])
  })
})
