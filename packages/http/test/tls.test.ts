import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { gotTransport, HttpClient } from '@comm/http'
import { undiciTransport } from '@comm/http/undici'
import { createTlsFiles } from '@comm/testkit/servers'
import { describe, expect, it } from '@jest/globals'
import { failureOf } from './support/local-server.ts'

const { ca, cert, key } = await createTlsFiles()

async function tlsServer(): Promise<{ url: string } & AsyncDisposable> {
  const server = createServer({ cert, key, ca, requestCert: true, rejectUnauthorized: false }, (request, response) => {
    response.end(JSON.stringify({ known: (request.socket as TLSSocket).authorized }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  }
}

describe('TLS', () => {
  it('trusts the given authority, expects the given name, and shows the client’s certificate', async () => {
    await using server = await tlsServer()
    const trust = { ca, serverName: 'localhost' }
    await using anonymous = new HttpClient({ baseUrl: server.url, tls: trust })
    await using known = new HttpClient({ baseUrl: server.url, tls: { ...trust, cert, key } })
    expect((await anonymous.get('/')).json()).toEqual({ known: false })
    expect((await known.get('/')).json()).toEqual({ known: true })
  })

  it.each([
    ['got', gotTransport],
    ['undici', undiciTransport],
  ] as const)('expects the host of the base URL of the instances behind it, on %s', async (_library, make) => {
    await using server = await tlsServer()
    await using transport = make()
    const endpoints = [server.url.replace('https://', '')]
    await using local = new HttpClient({ baseUrl: 'https://localhost', endpoints, tls: { ca }, transport })
    await using other = new HttpClient({ baseUrl: 'https://other.test', endpoints, tls: { ca }, transport })
    await using service = new HttpClient({ service: 'orders', endpoints, tls: { ca, serverName: 'localhost' }, transport })
    expect((await local.get('/')).status).toBe(200)
    expect((await service.get('/')).status).toBe(200)
    expect(String(await failureOf(other.get('/')))).toContain('failed in the TLS handshake')
  })

  it.each([
    ['an authority that is not trusted', { serverName: 'localhost' }],
    ['another name', { ca, serverName: 'other.test' }],
  ])('refuses a server with %s, for good', async (_what, tls) => {
    await using server = await tlsServer()
    await using client = new HttpClient({ baseUrl: server.url, tls })
    const error = await failureOf(client.get('/'))
    expect(error).toMatchObject({ code: 'COMM_CONNECTION', retryable: false, details: { sent: 'no' } })
    expect(String(error)).toContain('failed in the TLS handshake')
  })
})
