import { X509Certificate } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { type TlsMaterial, TlsReloader } from '@comm/core'
import { gotTransport, HttpClient } from '@comm/http'
import { undiciTransport } from '@comm/http/undici'
import { TestClock, waitFor } from '@comm/testkit'
import { createTlsFiles, type TlsFiles } from '@comm/testkit/servers'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { failureOf, localServer } from './support/local-server.ts'

let folder: string
let pairs: readonly [TlsFiles, TlsFiles, TlsFiles]
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'comm-http-tls-'))
  pairs = await Promise.all([createTlsFiles(), createTlsFiles(), createTlsFiles()])
})
afterAll(() => rm(folder, { recursive: true }))

/** Answers with the fingerprint of the client's certificate; `/slow` after a moment. */
async function mutualServer(): Promise<{ readonly url: string; readonly sockets: Set<TLSSocket> } & AsyncDisposable> {
  const [{ cert, key }] = pairs
  const options = { cert, key, ca: pairs.map(({ ca }) => ca), requestCert: true, rejectUnauthorized: true }
  const server = createServer(options, (request, response) => {
    const { fingerprint256 } = (request.socket as TLSSocket).getPeerCertificate()
    setTimeout(() => response.end(fingerprint256), request.url === '/slow' ? 200 : 0)
  })
  const sockets = new Set<TLSSocket>()
  server.on('secureConnection', (socket: TLSSocket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `https://localhost:${(server.address() as AddressInfo).port}`,
    sockets,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function print({ cert }: TlsFiles): string {
  return new X509Certificate(cert).fingerprint256
}

const files = (): { caFile: string; certFile: string; keyFile: string } => ({
  caFile: join(folder, 'ca.pem'),
  certFile: join(folder, 'tls.crt'),
  keyFile: join(folder, 'tls.key'),
})

/** The authority stays: it is that of the server. */
async function write({ cert, key }: TlsFiles): Promise<void> {
  const { caFile, certFile, keyFile } = files()
  await writeFile(caFile, pairs[0].ca)
  await writeFile(certFile, cert)
  await writeFile(keyFile, key)
}

describe.each([
  ['got', gotTransport],
  ['undici', undiciTransport],
] as const)('TLS files on %s', (_library, make) => {
  it('are used for new connections once they are replaced: no call fails, old connections drain', async () => {
    await write(pairs[0])
    await using server = await mutualServer()
    using reloader = new TlsReloader('users.tls', files(), { pollMs: 20 })
    await using transport = make({ keepaliveExpiryMs: 300 })
    await using client = new HttpClient({ baseUrl: server.url, tls: reloader, transport })
    const seen: string[] = []
    let done = false
    const worker = async (): Promise<void> => {
      while (!done) seen.push((await client.get('/')).text())
    }
    const workers = [worker(), worker(), worker(), worker()]
    for (const pair of [pairs[1], pairs[2], pairs[0]]) {
      const slow = client.get('/slow')
      const wanted = print(pair)
      expect(seen.at(-1)).not.toBe(wanted)
      await write(pair)
      await waitFor(() => seen.at(-1) === wanted)
      expect((await slow).status).toBe(200)
    }
    done = true
    await Promise.all(workers)
    expect(new Set(seen)).toEqual(new Set(pairs.map(print)))
    await waitFor(() => server.sockets.size === 0 && transport.stats().open === 0)
  })

  it('that do not fit together are not used', async () => {
    await write(pairs[0])
    await using server = await mutualServer()
    await using transport = make()
    await using client = new HttpClient({ baseUrl: server.url, tls: files(), transport })
    expect((await client.get('/')).text()).toBe(print(pairs[0]))
    expect(client.health()).toEqual({ status: 'up' })
    await writeFile(files().certFile, pairs[1].cert)
    expect((await client.get('/')).text()).toBe(print(pairs[0]))
  })
})

describe('TLS of a client', () => {
  it.each([
    ['got', gotTransport],
    ['undici', undiciTransport],
  ] as const)('tells on %s that the server does not accept its certificate', async (_library, make) => {
    const [{ ca }] = pairs
    const stranger = await createTlsFiles()
    await using server = await mutualServer()
    await using transport = make()
    const tls = { ca, cert: stranger.cert, key: stranger.key }
    await using client = new HttpClient({ baseUrl: server.url, tls, transport })
    expect(await failureOf(client.get('/'))).toMatchObject({ code: 'COMM_CONNECTION' })
  })

  it('is degraded while its files cannot be used', async () => {
    await write(pairs[0])
    const clock = new TestClock()
    await using client = new HttpClient({ baseUrl: 'https://localhost:1', tls: files(), clock })
    await writeFile(files().certFile, pairs[1].cert)
    await clock.advance(10_000)
    await waitFor(() => client.health().status === 'degraded')
    expect(client.health().reason).toMatch(/^HttpClient\.tls certificate and key do not belong together/)
    await client.close()
    expect(clock.pendingTimers).toBe(0)
  })

  it('goes to the token endpoint too, but not the name of another server', async () => {
    await write(pairs[1])
    await using server = await mutualServer()
    const material: TlsMaterial = { ca: pairs[0].ca, cert: pairs[0].cert, key: pairs[0].key, servername: 'orders.test' }
    await using plain = await localServer((_request, response) => response.end())
    const oauth2 = { tokenUrl: `${server.url}/token`, clientId: 'a', clientSecret: 'b' }
    await using client = new HttpClient({ baseUrl: plain.url, tls: { current: material }, auth: { oauth2 } })
    // The handshake succeeds; what the server answers is no token.
    expect(String(await failureOf(client.get('/')))).toContain('was answered 200 without an access_token')
  })

  it.each<[string, object, string]>([
    ['a file that is not there', { certFile: '/none/tls.crt' }, 'HttpClient.tls.certFile cannot be read: ENOENT'],
    ['a certificate alone', { cert: 'x' }, 'HttpClient.tls has a certificate without its key'],
    ['what is no certificate', { ca: 'SECRET' }, 'HttpClient.tls authority cannot be used: it holds no PEM certificate'],
    ['an unknown option', { pfx: 'SECRET' }, 'HttpClient.tls.pfx is an unknown option'],
  ])('refuses %s when it is built', (_what, tls, message) => {
    const build = (): HttpClient => new HttpClient({ baseUrl: 'https://localhost:1', tls })
    expect(build).toThrow(message)
    expect(build).toThrow(expect.objectContaining({ code: 'COMM_CONFIGURATION', message: expect.not.stringContaining('SECRET') }))
  })
})
