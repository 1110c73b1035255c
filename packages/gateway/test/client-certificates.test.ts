import { connect as connectHttp2 } from 'node:http2'
import { request as httpsRequest } from 'node:https'
import { gate } from '@comm/security'
import { mtlsIdentities } from '@comm/security/mtls'
import { authenticated } from '@comm/security/policy'
import { createAuthority } from '@comm/testkit/servers'
import { describe, expect, it } from '@jest/globals'
import { createGateway, type Gateway } from '../src/index.ts'
import { echo, gatewayFor, service } from './support/services.ts'

const ours = await createAuthority()
const theirs = await createAuthority()
const own = await ours.issue()
const named = await ours.issue({ host: 'api.example.com' })
const billing = await ours.issue({ uris: ['spiffe://prod.example.com/billing'] })
const stranger = await theirs.issue({ uris: ['spiffe://prod.example.com/billing'] })
const orders = await ours.issue({ uris: ['spiffe://prod.example.com/orders'] })

interface Pair {
  readonly cert: string
  readonly key: string
}

/** By a new connection. */
function statusOf(gateway: Gateway, path: string, certificate?: Pair, servername = 'localhost'): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const asked = httpsRequest(
      `${gateway.url}${path}`,
      { agent: false, ca: ours.ca, servername, ...(certificate && { cert: certificate.cert, key: certificate.key }) },
      (answer) => answer.resume().once('end', () => resolve(answer.statusCode)),
    )
    asked.once('error', reject).end()
  })
}

function statusOverHttp2(gateway: Gateway, path: string, certificate?: Pair): Promise<number | undefined> {
  const session = connectHttp2(gateway.url, {
    ca: ours.ca,
    servername: 'localhost',
    ...(certificate && { cert: certificate.cert, key: certificate.key }),
  })
  return new Promise<number | undefined>((resolve, reject) => {
    session.once('error', reject)
    const stream = session.request({ ':path': path })
    stream.once('response', (headers) => resolve(headers[':status'])).once('error', reject)
    stream.resume()
  }).finally(() => session.close())
}

describe('clients with certificates', () => {
  const open = async () => {
    const users = await service(echo)
    const door = gate({
      authenticators: [mtlsIdentities([{ spiffeId: 'spiffe://prod.example.com/billing' }])],
      policy: authenticated(),
    })
    const seen: unknown[] = []
    const gateway = await gatewayFor({
      services: { users: { url: users.url, path: false } },
      tls: { cert: own.cert, key: own.key, ca: ours.ca, requestCert: true, names: { 'api.example.com': named } },
      logger: {
        ...{ debug() {}, warn() {}, error() {} },
        isEnabled: () => true,
        info: (_: string, fields?: object) => void seen.push((fields as { subject?: string } | undefined)?.subject),
      } as never,
      routes: [
        { path: '/open', service: 'users' },
        { path: '/verified', service: 'users', clientCertificate: true },
        { path: '/billing', service: 'users', auth: door },
      ],
    })
    return {
      gateway,
      users,
      seen,
      async [Symbol.asyncDispose]() {
        await gateway.stop()
        await users[Symbol.asyncDispose]()
      },
    }
  }

  it.each([
    ['none', undefined, [200, 401, 401]],
    ['one of another authority', stranger, [200, 401, 401]],
    ['one that is on no list', orders, [200, 200, 401]],
    ['one that is on the list', billing, [200, 200, 200]],
  ])('%s: each route decides', async (_, certificate, statuses) => {
    await using at = await open()
    const paths = ['/open', '/verified', '/billing']
    expect(await Promise.all(paths.map((path) => statusOf(at.gateway, path, certificate)))).toEqual(statuses)
    expect(await Promise.all(paths.map((path) => statusOverHttp2(at.gateway, path, certificate)))).toEqual(statuses)
    expect(await Promise.all(paths.map((path) => statusOf(at.gateway, path, certificate, 'api.example.com')))).toEqual(statuses)
    expect(at.users.requests).toHaveLength(3 * statuses.filter((status) => status === 200).length)
  })

  it('become principals', async () => {
    await using at = await open()
    await statusOf(at.gateway, '/billing', billing)
    expect(at.seen).toContain('spiffe://prod.example.com/billing')
  })

  it('a route that wants one where nobody is asked for one is a mistake, at the start and later', async () => {
    const config = {
      services: { users: 'http://127.0.0.1:1' },
      routes: [{ path: '/a', service: 'users', clientCertificate: true }],
    }
    const wanted = /routes\[0\]\.clientCertificate.*tls\.requestCert/
    expect(() => createGateway({ port: 0, ...config })).toThrow(wanted)
    await using gateway = createGateway({ port: 0, services: config.services })
    expect(() => gateway.reload(config)).toThrow(wanted)
  })
})
