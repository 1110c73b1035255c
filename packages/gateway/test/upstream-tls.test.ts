import { mkdtempSync, renameSync, writeFileSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { ConfigurationError, TlsReloader } from '@comm/core'
import { createGateway } from '@comm/gateway'
import { waitFor } from '@comm/testkit'
import { createAuthority, type TlsFiles } from '@comm/testkit/servers'
import { describe, expect, it } from '@jest/globals'
import { gatewayFor } from './support/services.ts'

const [old, next] = [await createAuthority(), await createAuthority()]
const payments = await old.issue({ host: 'payments' })

/** Files whose contents are replaced as certificate managers do it. */
function files({ ca, cert, key }: TlsFiles) {
  const folder = mkdtempSync(join(tmpdir(), 'gateway-upstream-'))
  const put = (contents: Record<string, string>): void => {
    for (const [name, text] of Object.entries(contents)) {
      writeFileSync(join(folder, `.${name}`), text)
      renameSync(join(folder, `.${name}`), join(folder, name))
    }
  }
  put({ ca, cert, key })
  return { put, caFile: join(folder, 'ca'), certFile: join(folder, 'cert'), keyFile: join(folder, 'key') }
}

/** A service that lets in only callers with a certificate. */
async function service(tls: TlsFiles, listener: RequestListener): Promise<{ server: Server; at: string } & AsyncDisposable> {
  const server = createServer({ ...tls, requestCert: true, rejectUnauthorized: true, keepAliveTimeout: 60_000 }, listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    server,
    at: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
    },
  }
}

const callerOf = (socket: unknown): string => (socket as TLSSocket).getPeerCertificate().fingerprint256

describe('services behind TLS', () => {
  it('an authority and certificates that are replaced under load are taken up, and no call fails', async () => {
    const serials = new Set<string>()
    await using behind = await service(payments, (request, response) => {
      serials.add(callerOf(request.socket))
      request.resume().on('end', () => response.end('paid'))
    })
    const { put, ...tls } = files(await old.issue({ host: 'gateway' }))
    const pay = { instances: [behind.at], tls, tlsName: 'payments', retry: false, breaker: false, path: '/pay' } as const
    await using gateway = await gatewayFor({ services: { pay } })
    const statuses = new Map<number, number>()
    let isOver = false
    const lane = async (): Promise<void> => {
      while (!isOver) {
        const { status } = await fetch(`${gateway.url}/pay`, { method: 'POST', body: 'x' })
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
      }
    }
    const load = [lane(), lane(), lane(), lane()]
    const calls = (): number => [...statuses.values()].reduce((sum, count) => sum + count, 0)
    const both = `${old.ca}\n${next.ca}`
    // Both sides trust both first, then certificates are replaced, then the old authority goes.
    const steps: (() => Promise<void> | void)[] = [
      () => behind.server.setSecureContext({ ...payments, ca: both }),
      () => put({ ca: both }),
      async () => {
        const { cert, key } = await next.issue({ host: 'gateway' })
        put({ cert, key })
      },
      async () => behind.server.setSecureContext({ ...(await next.issue({ host: 'payments' })), ca: both }),
      () => put({ ca: next.ca }),
      async () => behind.server.setSecureContext(await next.issue({ host: 'payments' })),
    ]
    for (const step of steps) {
      await step()
      await gateway.reloadCertificates()
      const before = calls()
      await waitFor(() => calls() > before + 20, { timeoutMs: 60_000, what: 'calls that go on' })
    }
    await waitFor(() => serials.size === 2, { timeoutMs: 60_000, what: `calls with the new certificate, not ${[...serials]}` })
    isOver = true
    await Promise.all(load)
    expect([...statuses.keys()]).toEqual([200])
    // Connections made from now on know the new authority alone.
    behind.server.closeAllConnections()
    expect((await fetch(`${gateway.url}/pay`)).status).toBe(200)
  }, 120_000)

  it('are not called when they are not who they should be', async () => {
    let calls = 0
    await using behind = await service(payments, (_, response) => {
      calls++
      response.end()
    })
    const tls = await old.issue({ host: 'gateway' })
    const common = { instances: [behind.at], retry: false, breaker: false, outlierDetection: false } as const
    await using gateway = await gatewayFor({
      services: {
        right: { ...common, tls: { ...tls, serverName: 'payments' }, path: '/right' },
        other: { ...common, tls, tlsName: 'orders', path: '/other' },
        foreign: { ...common, tls: { ...tls, ca: next.ca }, tlsName: 'payments', path: '/foreign' },
        nobody: { ...common, tls: { ca: old.ca }, tlsName: 'payments', path: '/nobody' },
      },
    })
    const statusOf = async (path: string): Promise<number> => (await fetch(gateway.url + path)).status
    expect([await statusOf('/right'), await statusOf('/other'), await statusOf('/foreign'), await statusOf('/nobody')]).toEqual([
      200, 502, 502, 502,
    ])
    expect(calls).toBe(1)
  })

  it('share certificates with a mesh, which keeps them when the gateway is gone', async () => {
    await using behind = await service(payments, (_, response) => void response.end('paid'))
    using reloader = new TlsReloader('mesh.tls', await old.issue({ host: 'gateway' }))
    let wasDisposed = false
    const dispose = reloader[Symbol.dispose].bind(reloader)
    reloader[Symbol.dispose] = () => {
      wasDisposed = true
      dispose()
    }
    const gateway = await gatewayFor({
      services: { pay: { instances: [behind.at], tls: reloader, tlsName: 'payments', path: '/pay' } },
    })
    expect((await fetch(`${gateway.url}/pay`)).status).toBe(200)
    await gateway.stop()
    expect(wasDisposed).toBe(false)
  })

  it('files that cannot be used change nothing, and readiness says so', async () => {
    await using behind = await service(payments, (_, response) => void response.end('paid'))
    const { put, ...tls } = files(await old.issue({ host: 'gateway' }))
    const config = { services: { pay: { instances: [behind.at], tls, tlsName: 'payments', path: '/pay' } } } as const
    await using gateway = await gatewayFor(config)
    const healthOf = async (): Promise<unknown> => (await (await fetch(`${gateway.url}/health`)).json()) as unknown
    put({ key: 'half a ke' })
    await gateway.reloadCertificates()
    expect(JSON.stringify(await healthOf())).toContain('services.pay.tls key cannot be used')
    expect((await fetch(`${gateway.url}/pay`)).status).toBe(200)
    const other = { services: { pay: { ...config.services.pay, tls: { ...tls, caFile: '/none.pem' } } } }
    expect(() => gateway.reload(other)).toThrow(/services\.pay\.tls\.caFile cannot be read/)
    expect((await fetch(`${gateway.url}/pay`)).status).toBe(200)
  })

  it.each<[string, object, RegExp]>([
    ['material for a service that is called without TLS', { url: 'http://a', tls: {} }, /services\.a\.tls must be left out/],
    ['a name for one', { instances: ['a:1'], protocol: 'http', tlsName: 'a' }, /services\.a\.tlsName must be left out/],
    ['two names', { url: 'https://a', tls: { serverName: 'a' }, tlsName: 'b' }, /services\.a\.tls\.serverName must be left out/],
    ['an unknown option', { url: 'https://a', tls: { files: [] } }, /services\.a\.tls\.files is an unknown option/],
    ['a file that is not there', { url: 'https://a', tls: { caFile: '/none.pem' } }, /services\.a\.tls\.caFile cannot be read/],
    ['a text that is none', { url: 'https://a', tls: { ca: 'x' } }, /services\.a\.tls authority cannot be used/],
  ])('%s is refused', (_, a, message) => {
    const make = (): unknown => createGateway({ port: 0, services: { a: a as never } })
    expect(make).toThrow(ConfigurationError)
    expect(make).toThrow(message)
  })
})
