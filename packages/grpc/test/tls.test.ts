import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CommunicationError, type TlsOptions, TlsReloader } from '@comm/core'
import { type GrpcCallContext, GrpcClient, GrpcServer, type GrpcServerOptions } from '@comm/grpc'
import { createAuthority, type TlsFiles } from '@comm/testkit/servers'
import { describe, expect, it } from '@jest/globals'
import { TestServiceDefinition } from './generated/grpc/testing/test.ts'

const authority = await createAuthority()
const good = await authority.issue()
const strange = await (await createAuthority('another authority')).issue()
const expired = await authority.issue({ notAfter: new Date(Date.now() - 3_600_000) })
const elsewhere = await authority.issue({ host: 'elsewhere.example' })

async function serve(tls: TlsOptions | TlsReloader, more: Partial<GrpcServerOptions> = {}): Promise<GrpcServer> {
  const server = new GrpcServer({ host: '127.0.0.1', port: 0, tls, drainMs: 0, ...more }).add(TestServiceDefinition, {
    async unaryCall(_request: unknown, { call }: GrpcCallContext) {
      expect(call.certificate?.isVerified).toBe(call.peerCertificate && true)
      return { serverId: String(call.peerCertificate?.subject.CN ?? 'nobody') }
    },
  } as never)
  await server.start()
  return server
}

async function call(server: GrpcServer, tls: true | TlsOptions | TlsReloader): Promise<string> {
  await using client = new GrpcClient({ address: server.address, tls, retry: false, timeout: { totalMs: 10_000 } })
  return client
    .service(TestServiceDefinition)
    .unaryCall({})
    .then(
      ({ serverId }) => serverId,
      (error: unknown) => {
        const { code, message } = CommunicationError.from(error)
        return `${code}: ${message}`
      },
    )
}

describe('mutual TLS', () => {
  it('lets in a client of the same authority, and says who it is', async () => {
    await using server = await serve(good)
    expect(await call(server, good)).toBe('localhost')
  })

  it.each<[string, TlsFiles, TlsFiles, RegExp]>([
    ['an authority that the client does not trust', strange, good, /^COMM_CONNECTION: .*(unable to verify|self.signed|issuer)/i],
    ['a server certificate that has expired', expired, good, /^COMM_CONNECTION: .*expired/i],
    ['a server certificate for another name', elsewhere, good, /^COMM_CONNECTION: .*(altnames|127\.0\.0\.1)/i],
  ])('refuses %s', async (_what, serving, calling, reason) => {
    await using server = await serve({ ...serving, ca: good.ca })
    expect(await call(server, { ...calling, ca: good.ca })).toMatch(reason)
  })

  it.each<[string, TlsFiles]>([
    ['a client certificate of another authority', strange],
    ['a client certificate that has expired', expired],
  ])('refuses %s', async (_what, calling) => {
    await using server = await serve(good)
    expect(await call(server, { ...calling, ca: good.ca })).toMatch(/^COMM_CONNECTION: /)
  })

  it('refuses a client without a certificate, unless the server can do without', async () => {
    await using strict = await serve(good)
    expect(await call(strict, { ca: good.ca })).toMatch(/^COMM_CONNECTION: /)
    await using open = await serve(good, { clientCertificate: false })
    expect(await call(open, { ca: good.ca })).toBe('nobody')
  })

  it('expects the name that it is told', async () => {
    await using server = await serve({ ...elsewhere, ca: good.ca })
    expect(await call(server, { ...good, serverName: 'elsewhere.example' })).toBe('localhost')
  })

  it('refuses to start without what it needs', () => {
    expect(() => new GrpcServer({ port: 0, tls: { ca: good.ca } })).toThrow(
      'GrpcServer.tls.certFile must be given for a server, got nothing',
    )
    expect(() => new GrpcServer({ port: 0, tls: { cert: good.cert, key: good.key }, clientCertificate: true })).toThrow(
      'GrpcServer.tls.caFile must be given where clients need a certificate, got nothing',
    )
  })
})

describe('certificates that are replaced on disk', () => {
  it('are used for new connections, and no call fails meanwhile', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'comm-grpc-tls-'))
    const files = { caFile: join(folder, 'ca.pem'), certFile: join(folder, 'cert.pem'), keyFile: join(folder, 'key.pem') }
    const put = async ({ ca, cert, key }: TlsFiles): Promise<void> => {
      // One after the other, as certificate managers do: in between the pair does not match.
      for (const [file, pem] of [
        [files.caFile, ca],
        [files.certFile, cert],
        [files.keyFile, key],
      ] as const) {
        await writeFile(`${file}.new`, pem)
        await rename(`${file}.new`, file)
      }
    }
    await put(good)
    using serverTls = new TlsReloader('server', files, { pollMs: 20 })
    using clientTls = new TlsReloader('client', files, { pollMs: 20 })
    await using server = await serve(serverTls)
    await using client = new GrpcClient({ address: server.address, tls: clientTls, retry: false })
    const { unaryCall } = client.service(TestServiceDefinition)

    let rotating = true
    const outcomes = { answered: 0, failures: [] as unknown[] }
    const load = async (): Promise<void> => {
      while (rotating) {
        await unaryCall({}).then(
          () => outcomes.answered++,
          (error: unknown) => outcomes.failures.push(error),
        )
        // A connection of its own: each is made with what the files have then.
        const shown = await call(server, clientTls)
        if (shown !== 'localhost') outcomes.failures.push(shown)
        else outcomes.answered++
      }
    }
    const lanes = Promise.all([load(), load()])
    for (let times = 0; times < 4; times++) {
      const before = serverTls.current
      await put(await authority.issue())
      while (serverTls.current === before || clientTls.current === before) await serverTls.reload().then(() => clientTls.reload())
      await unaryCall({})
    }
    rotating = false
    await lanes
    expect(outcomes.failures).toEqual([])
    expect(outcomes.answered).toBeGreaterThan(8)
    await rm(folder, { recursive: true })
  })
})
