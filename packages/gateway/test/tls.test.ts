import { cpSync, mkdtempSync, writeFileSync } from 'node:fs'
import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { waitFor } from '@comm/testkit'
import { createTlsFiles } from '@comm/testkit/servers'
import { describe, expect, it } from '@jest/globals'
import { fingerprint } from './support/fingerprint.ts'
import { RawConnection } from './support/raw.ts'
import { echo, gatewayFor, type Seen, service } from './support/services.ts'

interface Answer {
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

function ask(session: ClientHttp2Session, headers: Record<string, string | string[]>, body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const stream = session.request(headers, { endStream: body === undefined })
    let [text, received] = ['', {} as IncomingHttpHeaders]
    stream.setEncoding('utf8')
    stream.on('response', (given) => {
      received = given
    })
    stream.on('data', (piece: string) => {
      text += piece
    })
    stream.on('end', () => resolve({ headers: received, text }))
    stream.on('error', reject)
    stream.on('close', () => (stream.rstCode === 0 ? undefined : reject(new Error(`reset ${stream.rstCode}`))))
    if (body !== undefined) stream.end(body)
  })
}

const filesIn = (folder: string) => ({ certFile: join(folder, 'cert.pem'), keyFile: join(folder, 'key.pem') })

async function certificate(): Promise<string> {
  const files = await createTlsFiles()
  const folder = mkdtempSync(join(tmpdir(), 'gateway-tls-'))
  writeFileSync(join(folder, 'cert.pem'), files.cert)
  writeFileSync(join(folder, 'key.pem'), files.key)
  return folder
}

describe('HTTPS', () => {
  it.each([true, false])('is not held up in its stop by who does not end the handshake, HTTP/2: %s', async (http2) => {
    const { cert, key } = await createTlsFiles()
    await using users = await service(echo)
    const gateway = await gatewayFor({ services: { users: { url: users.url } }, tls: { cert, key, http2 } })
    await using raw = await RawConnection.to(gateway.url)
    raw.write('\x16\x03\x01')
    // Connections are accepted in their order.
    await fingerprint(gateway.url)
    expect((await gateway.stop()).problems).toEqual([])
    await raw.untilClosed()
  })

  it('refuses CONNECT over HTTP/2', async () => {
    const { ca, cert, key } = await createTlsFiles()
    await using users = await service(echo)
    await using gateway = await gatewayFor({ services: { users: { url: users.url } }, tls: { cert, key } })
    const session = connect(gateway.url, { ca, servername: 'localhost' })
    const { headers, text } = await ask(session, { ':method': 'CONNECT', ':authority': 'shop.example.com:443' })
    expect([headers[':status'], JSON.parse(text)]).toMatchObject([405, { code: 'COMM_REFUSED' }])
    session.destroy()
  })

  it('speaks HTTP/2 and HTTP/1.1, and forwards as HTTP/1.1', async () => {
    const folder = await certificate()
    await using users = await service((request, response) => {
      response.setHeader('set-cookie', ['a=1', 'b=2'])
      echo(request, response)
    })
    await using gateway = await gatewayFor({ services: { 'user-service': users.url }, tls: filesIn(folder) })
    const session = connect(gateway.url, { rejectUnauthorized: false })
    try {
      const get = await ask(session, { ':path': '/api/v1/users/7?a=b', cookie: ['x=1', 'y=2'], te: 'trailers' })
      expect(get.headers).toMatchObject({ ':status': 200, 'set-cookie': ['a=1', 'b=2'] })
      const seen = JSON.parse(get.text) as Seen
      expect(seen).toMatchObject({
        url: '/users/7?a=b',
        headers: { cookie: 'x=1; y=2', 'x-forwarded-proto': 'https', via: '2.0 comm-gateway' },
      })
      expect(seen.names.filter((name) => name.startsWith(':'))).toEqual([])
      const post = await ask(session, { ':path': '/api/v1/users', ':method': 'POST' }, 'naïve')
      expect((JSON.parse(post.text) as Seen).body).toBe(Buffer.from('naïve').toString('latin1'))
      const posts = await Promise.all(
        Array.from({ length: 20 }, (_, at) => ask(session, { ':path': '/api/v1/users', ':method': 'POST' }, `body ${at}`)),
      )
      expect(posts.map(({ text }) => (JSON.parse(text) as Seen).body)).toEqual(posts.map((_, at) => `body ${at}`))
      expect((await ask(session, { ':path': '/nowhere' })).headers[':status']).toBe(404)
    } finally {
      session.close()
    }
    await waitFor(() => gateway.inFlight === 0)
  })

  it('a length that is a lie, and fields that end lines, never reach a service', async () => {
    const folder = await certificate()
    await using users = await service(echo)
    await using gateway = await gatewayFor({ services: { 'user-service': users.url }, tls: filesIn(folder) })
    const smuggled = 'GET /users/smuggled HTTP/1.1\r\nHost: x\r\n\r\n'
    for (const headers of [
      { 'content-length': '3' },
      { 'content-length': '0' },
      { 'content-length': '1000' },
      { 'x-a': 'b\r\nx-injected: 1' },
      { 'x-a': 'b\nx-injected: 1' },
      { 'x-a': 'b\0c' },
      { 'x-a: b\r\nx-injected': '1' },
      { ':path': '/api/v1/users HTTP/1.1\r\nHost: y\r\n\r\n' },
      { ':path': '/api/v1/users /x' },
      { ':method': 'GET /users/smuggled HTTP/1.1\r\nx:' },
      { ':authority': 'a\r\nx-injected: 1' },
      { 'transfer-encoding': 'chunked' },
      { connection: 'keep-alive' },
    ] as readonly Record<string, string>[]) {
      const session = connect(gateway.url, { rejectUnauthorized: false })
      session.on('error', () => undefined)
      const answer = await ask(session, { ':path': '/api/v1/users', ':method': 'POST', ...headers }, smuggled).catch(
        () => undefined,
      )
      session.destroy()
      // nghttp2 leaves a field out that is none; a length that is a lie ends the stream.
      const isLie = 'content-length' in headers
      if (answer !== undefined && isLie)
        expect([headers, Number(answer.headers[':status'] ?? 400) >= 400]).toEqual([headers, true])
    }
    for (const { url, headers } of users.requests) {
      expect(url).not.toContain('smuggled')
      expect(headers).not.toHaveProperty('x-injected')
    }
    expect((await ask(connectOnce(gateway.url), { ':path': '/api/v1/users' })).headers[':status']).toBe(200)
  })

  it('names have certificates of their own, and renewed files are used by new connections', async () => {
    const [main, named, renewed] = [await certificate(), await certificate(), await certificate()]
    await using users = await service(echo)
    await using gateway = await gatewayFor({
      services: { 'user-service': users.url },
      tls: { ...filesIn(main), names: { '*.example.com': filesIn(named) } },
    })
    const [first, own] = [await fingerprint(gateway.url), await fingerprint(gateway.url, 'api.example.com')]
    expect(first).not.toBe(own)
    expect(await fingerprint(gateway.url, 'elsewhere.test')).toBe(first)
    const session = connect(gateway.url, { rejectUnauthorized: false })
    expect((await ask(session, { ':path': '/api/v1/users' })).headers[':status']).toBe(200)
    cpSync(renewed, main, { recursive: true })
    await gateway.reloadCertificates()
    const second = await fingerprint(gateway.url)
    expect([second === first, second === own]).toEqual([false, false])
    expect(await fingerprint(gateway.url, 'elsewhere.test')).toBe(second)
    expect((await ask(session, { ':path': '/api/v1/users' })).headers[':status']).toBe(200)
    session.close()
  })
})

function connectOnce(url: string): ClientHttp2Session {
  const session = connect(url, { rejectUnauthorized: false })
  session.unref()
  return session
}
