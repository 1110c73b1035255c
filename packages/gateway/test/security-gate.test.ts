import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { createLogger, type LogEntry } from '@comm/logging'
import { bearer, type Gate, gate } from '@comm/security'
import { jwtVerifier } from '@comm/security/jwt'
import { type Policy, requireScopes } from '@comm/security/policy'
import { describe, expect, it } from '@jest/globals'
import { RawConnection } from './support/raw.ts'
import { echo, gatewayFor, type Seen, service } from './support/services.ts'

const ISSUER = 'https://identity.test'
const own = generateKeyPairSync('ed25519')
const other = generateKeyPairSync('ed25519')

interface TokenOptions {
  readonly scope?: string
  readonly lifeSeconds?: number
  readonly key?: KeyObject
}

/** RFC 7515, with Ed25519 (RFC 8037). */
function token({ scope = 'users:read', lifeSeconds = 300, key = own.privateKey }: TokenOptions = {}): string {
  const exp = Math.floor(Date.now() / 1000) + lifeSeconds
  const parts = [
    { alg: 'EdDSA', kid: 'k1' },
    { iss: ISSUER, aud: 'users', sub: 'ada', scope, exp, iat: exp - 600 },
  ]
  const signed = parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  return `${signed}.${sign(null, Buffer.from(signed), key).toString('base64url')}`
}

/** A gate, and what it has written down. */
function audited(policy: Policy = requireScopes('users:read')): {
  readonly door: Gate
  readonly lines: Record<string, unknown>[]
} {
  const lines: Record<string, unknown>[] = []
  const keep = (_line: string, entry: LogEntry): void => {
    if (entry.logger === 'security') lines.push(entry['security'] as Record<string, unknown>)
  }
  const logger = createLogger({ env: {}, level: 'info', destination: keep })
  const verifier = jwtVerifier({
    algorithms: ['EdDSA'],
    keys: [{ kid: 'k1', key: own.publicKey }],
    issuer: ISSUER,
    audience: 'users',
  })
  return { door: gate({ authenticators: [bearer(verifier)], policy, logger }), lines }
}

const hidden = (url: string) => ({ url, path: false }) as const

describe('a gate of @comm/security at a route', () => {
  it.each([
    {
      name: 'no credential',
      make: () => undefined,
      status: 401,
      code: 'COMM_AUTHENTICATION',
      line: { outcome: 'failure', code: 'COMM_CREDENTIALS_MISSING', reason: expect.stringMatching(/^missing: /) },
    },
    {
      name: 'a wrong one',
      make: () => token({ key: other.privateKey }),
      status: 401,
      code: 'COMM_AUTHENTICATION',
      line: { outcome: 'failure', code: 'COMM_TOKEN_INVALID', reason: expect.stringMatching(/^signature: /) },
    },
    {
      name: 'an expired one',
      make: () => token({ lifeSeconds: -120 }),
      status: 401,
      code: 'COMM_AUTHENTICATION',
      line: { outcome: 'failure', code: 'COMM_TOKEN_EXPIRED', reason: expect.stringMatching(/^expired: /) },
    },
    {
      name: 'an insufficient one',
      make: () => token({ scope: 'orders:read' }),
      status: 403,
      code: 'COMM_AUTHORIZATION',
      line: { outcome: 'denied', subject: 'ada', resource: '/users/7', reason: 'it lacks the scope users:read' },
    },
  ])('$name is refused before the service, audited, and the client is not told why', async ({ make, status, code, line }) => {
    await using users = await service(echo)
    const { door, lines } = audited()
    await using gateway = await gatewayFor({
      services: { users: hidden(users.url) },
      routes: [{ path: '/users/*', service: 'users', auth: door }],
    })
    const presented = make()
    const headers = presented === undefined ? {} : { authorization: `Bearer ${presented}` }
    const answer = await fetch(`${gateway.url}/users/7`, { headers })
    expect([answer.status, await answer.json()]).toEqual([
      status,
      {
        type: 'about:blank',
        title: status === 401 ? 'Unauthorized' : 'Forbidden',
        status,
        code,
        correlationId: expect.any(String),
      },
    ])
    expect(answer.headers.get('www-authenticate')).toBe(status === 401 ? 'Bearer' : null)
    expect(lines).toEqual([expect.objectContaining({ ...line, address: '127.0.0.1' })])
    expect(users.requests).toHaveLength(0)
  })

  it('the right one goes on to the service with its credential, and limits and the access log know who it is', async () => {
    await using users = await service(echo)
    const { door, lines } = audited()
    const entries: LogEntry[] = []
    await using gateway = await gatewayFor({
      services: { users: hidden(users.url) },
      routes: [{ path: '/users/*', service: 'users', auth: door, rateLimit: { perSecond: 0.001, burst: 2, key: 'principal' } }],
      logger: createLogger({ env: {}, level: 'info', destination: (_line, entry) => void entries.push(entry) }),
    })
    const ask = (): Promise<Response> => fetch(`${gateway.url}/users/7`, { headers: { authorization: `Bearer ${token()}` } })
    const answer = await ask()
    const { url, headers } = (await answer.json()) as Seen
    expect([answer.status, url, headers['authorization']]).toEqual([200, '/users/7', expect.stringMatching(/^Bearer ey/)])
    expect(lines).toEqual([
      expect.objectContaining({ outcome: 'allowed', subject: 'ada', method: 'jwt', action: 'GET', resource: '/users/7' }),
    ])
    // Other tokens of the same subject share its limit.
    expect([(await ask()).status, (await ask()).status]).toEqual([200, 429])
    expect(entries.filter(({ subject }) => subject === 'ada')).toHaveLength(3)
    expect(JSON.stringify(entries)).not.toContain('Bearer ey')
  })

  it('is asked about the path as services read it', async () => {
    await using users = await service(echo)
    const { door } = audited((_, { resource, attributes }) =>
      resource.startsWith('/users/admin')
        ? { allowed: false, reason: 'no' }
        : { allowed: attributes?.['route'] === 'people', reason: '' },
    )
    await using gateway = await gatewayFor({
      services: { users: hidden(users.url) },
      routes: [{ name: 'people', path: '/users/*', service: 'users', auth: door }],
    })
    const headers = { authorization: `Bearer ${token()}` }
    const statusOf = async (path: string): Promise<number> => (await fetch(gateway.url + path, { headers })).status
    expect([await statusOf('/users/7'), await statusOf('/users/%61dmin'), await statusOf('/users/adm%69n?x=/users/7')]).toEqual([
      200, 403, 403,
    ])
  })

  it('takes two credentials for none', async () => {
    await using users = await service(echo)
    const { door, lines } = audited()
    await using gateway = await gatewayFor({
      services: { users: hidden(users.url) },
      routes: [{ path: '/users/*', service: 'users', auth: door }],
    })
    await using client = await RawConnection.to(gateway.url)
    const good = `Authorization: Bearer ${token()}\r\n`
    client.write(`GET /users/7 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${good}${good}\r\n`)
    expect(await client.untilClosed()).toMatch(/^HTTP\/1\.1 401 /)
    expect(lines).toEqual([expect.objectContaining({ code: 'COMM_CREDENTIALS_MISSING' })])
    expect(users.requests).toHaveLength(0)
  })
})
