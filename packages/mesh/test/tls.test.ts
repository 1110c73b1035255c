import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AuthorizationError, ConnectionError, currentPrincipal, type TlsOptions } from '@comm/core'
import type { AccessConfig } from '@comm/mesh'
import { waitFor } from '@comm/testkit'
import { createAuthority, type TlsFiles } from '@comm/testkit/servers'
import { afterAll, describe, expect, it } from '@jest/globals'
import { recordingLogger, Stage } from './support/stage.ts'

const authority = await createAuthority()
const issue = (service: string): Promise<TlsFiles> =>
  authority.issue({ host: service, uris: [`spiffe://prod.example/${service}`] })
const [payments, orders, carts] = (await Promise.all(['payments', 'orders', 'carts'].map(issue))) as [
  TlsFiles,
  TlsFiles,
  TlsFiles,
]
const NO_RETRY = { '*': { retry: false } } as const

describe('access lists', () => {
  it.each<[string, AccessConfig]>([
    ['is not on the allow list', { allow: [{ spiffeId: 'spiffe://prod.example/orders' }] }],
    [
      'is not on it by its DNS name',
      { allow: [{ dns: 'ORDERS', subject: 'spiffe://prod.example/orders' }, { trustDomain: 'other.example' }] },
    ],
    ['is on the deny list', { allow: [{ trustDomain: 'prod.example' }], deny: [{ spiffeId: 'spiffe://prod.example/carts' }] }],
    ['is below what is denied', { deny: [{ uri: 'spiffe://prod.example/carts' }] }],
  ])('refuse a caller that %s, before the handler, and audit it', async (_what, access) => {
    await using stage = new Stage()
    const logger = recordingLogger()
    const callers: (string | undefined)[] = []
    const server = await stage.service(
      'payments',
      (_request, response) => {
        callers.push(currentPrincipal()?.subject)
        response.end('paid')
      },
      { tls: payments, access, logger },
    )
    const friend = stage.mesh({ service: 'orders', tls: orders, policies: NO_RETRY })
    const stranger = stage.mesh({ service: 'carts', tls: carts, policies: NO_RETRY })
    expect((await friend.call('payments').get('/pay?card=secret')).text()).toBe('paid')
    await expect(stranger.call('payments').get('/pay?card=secret')).rejects.toMatchObject({ status: 403 })
    expect(callers).toEqual(['spiffe://prod.example/orders'])
    const audit = logger.lines.filter(({ fields }) => fields['logger'] === 'security')
    expect(audit).toEqual([
      expect.objectContaining({
        level: 'warn',
        fields: expect.objectContaining({
          event: 'authorization',
          security: expect.objectContaining({
            outcome: 'denied',
            method: 'mtls',
            subject: 'spiffe://prod.example/carts',
            action: 'GET',
            resource: '/pay',
            address: expect.stringContaining('127.0.0.1'),
          }),
        }),
      }),
    ])
    expect(server.topology().edges).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ from: 'spiffe://prod.example/carts', direction: 'inbound', calls: 1, refused: 1 }),
        expect.objectContaining({ from: 'spiffe://prod.example/orders', direction: 'inbound', calls: 1, errors: 0 }),
      ]),
    )
  })

  it('say as what a caller is let in, and keep one out that hides among others', async () => {
    await using stage = new Stage()
    const seen: unknown[] = []
    const access = { allow: [{ dns: 'orders', roles: ['teller'] }, { dns: 'carts' }], deny: [{ trustDomain: 'evil.example' }] }
    await stage.service(
      'payments',
      (_request, response) => {
        seen.push(currentPrincipal())
        response.end()
      },
      { tls: payments, access },
    )
    await stage.mesh({ service: 'orders', tls: orders }).call('payments').get('/')
    expect(seen).toEqual([expect.objectContaining({ subject: 'orders', roles: ['teller'] })])
    const uris = ['spiffe://prod.example/carts', 'spiffe://evil.example/carts']
    const twoFaced = stage.mesh({ service: 'carts', tls: await authority.issue({ host: 'carts', uris }), policies: NO_RETRY })
    await expect(twoFaced.call('payments').get('/')).rejects.toMatchObject({ status: 403 })
    expect(seen.length).toBe(1)
  })

  it('change while connections stand', async () => {
    await using stage = new Stage()
    const server = await stage.service('payments', (_request, response) => void response.end('paid'), { tls: payments })
    const caller = stage.mesh({ service: 'orders', tls: orders, policies: NO_RETRY })
    const client = caller.call('payments')
    expect((await client.get('/')).text()).toBe('paid')
    server.reload({ access: { allow: [] } })
    await expect(client.get('/')).rejects.toMatchObject({ status: 403 })
    server.reload({ access: { allow: [{ dns: 'orders' }] } })
    expect((await client.get('/')).text()).toBe('paid')
    expect(() => server.reload({ access: { allow: [{ spiffeId: 'spiffe://PROD/orders' }] } })).toThrow(
      'mesh.access.allow[0].spiffeId',
    )
    expect((await client.get('/')).text()).toBe('paid')
  })
})

describe('mutual TLS', () => {
  it('refuses a server that is not the service that was called', async () => {
    await using stage = new Stage()
    let calls = 0
    const count = (_request: IncomingMessage, response: ServerResponse): void => {
      calls++
      response.end()
    }
    await stage.service('payments', count, { tls: carts })
    const caller = stage.mesh({ service: 'orders', tls: orders, policies: NO_RETRY })
    await expect(caller.call('payments').get('/')).rejects.toThrow(ConnectionError)
    expect(calls).toBe(0)
    const named = stage.mesh({ service: 'orders', tls: orders, policies: NO_RETRY, tlsName: () => 'carts' })
    expect((await named.call('payments').get('/')).status).toBe(200)
  })

  it('ends the handshake of a caller of another authority, and audits it', async () => {
    await using stage = new Stage()
    const logger = recordingLogger()
    let calls = 0
    await stage.service('payments', () => void calls++, { tls: payments, logger })
    const other = await (await createAuthority('another')).issue({ host: 'orders' })
    const caller = stage.mesh({ service: 'orders', tls: { ...other, ca: authority.ca }, policies: NO_RETRY })
    await expect(caller.call('payments').get('/')).rejects.toThrow()
    await waitFor(() => logger.lines.some(({ fields }) => fields['event'] === 'authentication'))
    expect(calls).toBe(0)
  })

  it('has no server without an authority', async () => {
    await using stage = new Stage()
    const mesh = stage.mesh({ service: 'orders', tls: { cert: orders.cert, key: orders.key } })
    expect(() => mesh.createServer(() => undefined)).toThrow('mesh.tls must have certificate, key and authority')
  })

  it('is what other servers ask with too', async () => {
    await using stage = new Stage()
    const mesh = stage.mesh({ service: 'orders', tls: orders, access: { allow: [{ dns: 'payments' }] } })
    const call = (files: TlsFiles | undefined, isVerified = true): unknown =>
      mesh.authenticate({
        method: 'a.B/C',
        address: '10.0.0.1:5',
        certificate: files && { raw: Buffer.from(files.cert.replace(/-----[^-]+-----|\s/g, ''), 'base64'), isVerified },
      })
    expect(call(payments)).toMatchObject({ subject: 'payments', method: 'mtls' })
    mesh.reload({ access: {} })
    expect(call(carts)).toMatchObject({ subject: 'spiffe://prod.example/carts', issuer: 'prod.example' })
    mesh.reload({ access: { deny: [{ trustDomain: 'prod.example' }] } })
    expect(() => call(carts)).toThrow(AuthorizationError)
    expect(() => call(undefined)).toThrow('this call shows no certificate')
    expect(() => call(payments, false)).toThrow('this call shows a certificate that is not verified')
  })
})

describe('certificates that are replaced', () => {
  const folders: string[] = []
  afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))))

  async function files(first: TlsFiles): Promise<{ tls: TlsOptions; put: (next: TlsFiles) => Promise<void> }> {
    const folder = await mkdtemp(join(tmpdir(), 'comm-mesh-'))
    folders.push(folder)
    const put = async ({ ca, cert, key }: TlsFiles): Promise<void> => {
      for (const [name, text] of Object.entries({ 'ca.pem': ca, 'cert.pem': cert, 'key.pem': key })) {
        await writeFile(join(folder, `.${name}`), text)
        await rename(join(folder, `.${name}`), join(folder, name))
      }
    }
    await put(first)
    const of = (name: string): string => join(folder, name)
    return { tls: { caFile: of('ca.pem'), certFile: of('cert.pem'), keyFile: of('key.pem') }, put }
  }

  it('are used on both sides, under load, and no call fails', async () => {
    await using stage = new Stage()
    const serving = await files(payments)
    const calling = await files(orders)
    const serials = new Set<string>()
    const server = await stage.service(
      'payments',
      (request, response) => {
        serials.add(
          (request.socket as { getPeerCertificate?: () => { serialNumber: string } }).getPeerCertificate?.().serialNumber ?? '',
        )
        response.end('paid')
      },
      { tls: serving.tls, access: { allow: [{ dns: 'orders' }] } },
    )
    const caller = stage.mesh({ service: 'orders', tls: calling.tls, policies: NO_RETRY })
    const client = caller.call('payments')
    let isOver = false
    let calls = 0
    const load = Array.from({ length: 4 }, async () => {
      while (!isOver) {
        await client.get('/')
        calls++
      }
    })
    const rotations = 3
    for (let turn = 0; turn < rotations; turn++) {
      await serving.put(await issue('payments'))
      await server.tls?.reload()
      await calling.put(await issue('orders'))
      await caller.tls?.reload()
      const before = calls
      await waitFor(() => calls > before + 20 && serials.size === turn + 2)
    }
    isOver = true
    await Promise.all(load)
    expect(serials.size).toBe(rotations + 1)
    expect(caller.topology().edges).toEqual([expect.objectContaining({ to: 'payments', errors: 0, calls })])
  })
})
