import { createHmac } from 'node:crypto'
import type { CommunicationError, Logger } from '@comm/core'
import { bearer, gate } from '@comm/security'
import { jwtVerifier } from '@comm/security/jwt'
import { requireScopes } from '@comm/security/policy'
import { describe, expect, it } from '@jest/globals'
import { keptLog, securityLines } from '../support/audit.ts'
import { AUDIENCE, ISSUER, inSeconds, otherRsa, publicJwk, rawToken, rsa, token } from '../support/tokens.ts'

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const PEM = rsa.publicKey.export({ type: 'spki', format: 'pem' }) as string
const CLAIMS = { iss: ISSUER, aud: AUDIENCE, sub: 'admin', iat: inSeconds(0), exp: inSeconds(300), scope: 'orders:read' }

function gateWith(logger: Logger) {
  const verifier = jwtVerifier({
    algorithms: ['RS256', 'ES256'],
    keys: [{ kid: 'k1', pem: PEM }],
    issuer: ISSUER,
    audience: AUDIENCE,
  })
  return gate({ authenticators: [bearer(verifier)], policy: requireScopes('orders:read'), logger })
}

/** What the header `authorization` of a request says. */
function presenting(value: string) {
  return { header: (name: string) => (name === 'authorization' ? value : undefined), address: '192.0.2.7' }
}

/** HMAC with the published key as the secret: what a verifier that trusts the header's `alg` would accept. */
function confused(): string {
  const input = `${encode({ alg: 'HS256', kid: 'k1' })}.${encode(CLAIMS)}`
  return `${input}.${createHmac('sha256', PEM).update(input).digest('base64url')}`
}

async function tampered(): Promise<string> {
  const [header, , signature] = (await token()).split('.')
  return `${header}.${encode({ ...CLAIMS, scope: 'orders:read orders:write' })}.${signature}`
}

const attackerJwk = publicJwk(otherRsa.publicKey, 'k1')
const byOther = (header: Record<string, unknown>) => token({ header, key: otherRsa.privateKey })

type Attack = readonly [name: string, make: () => string | Promise<string>, code: string, reason: string]

const ATTACKS: readonly Attack[] = [
  ['alg none', () => `${encode({ alg: 'none' })}.${encode(CLAIMS)}.`, 'COMM_TOKEN_INVALID', 'algorithm-not-allowed'],
  ['alg NoNe', () => `${encode({ alg: 'NoNe' })}.${encode(CLAIMS)}.AA`, 'COMM_TOKEN_INVALID', 'algorithm-not-allowed'],
  ['HS256 with the public key as its secret', confused, 'COMM_TOKEN_INVALID', 'algorithm-not-allowed'],
  ['RS512, which is not allowed', () => token({ header: { alg: 'RS512' } }), 'COMM_TOKEN_INVALID', 'algorithm-not-allowed'],
  [
    'ES256 named for an RSA key',
    () => `${encode({ alg: 'ES256', kid: 'k1' })}.${encode(CLAIMS)}.AAAA`,
    'COMM_TOKEN_INVALID',
    'unknown-key',
  ],
  ['kid that walks through folders', () => byOther({ kid: '../../../../dev/null' }), 'COMM_TOKEN_INVALID', 'unknown-key'],
  ['kid with SQL', () => byOther({ kid: "x' UNION SELECT 'secret' --" }), 'COMM_TOKEN_INVALID', 'unknown-key'],
  ['kid __proto__', () => byOther({ kid: '__proto__' }), 'COMM_TOKEN_INVALID', 'unknown-key'],
  ['kid that is no text', () => byOther({ kid: { $ne: null } }), 'COMM_TOKEN_INVALID', 'malformed'],
  ['jku of the attacker', () => byOther({ jku: 'https://evil.test/jwks' }), 'COMM_TOKEN_INVALID', 'signature'],
  ['x5u of the attacker', () => byOther({ x5u: 'https://evil.test/cert.pem' }), 'COMM_TOKEN_INVALID', 'signature'],
  ['jwk of the attacker in the header', () => byOther({ jwk: attackerJwk }), 'COMM_TOKEN_INVALID', 'signature'],
  ['signed by another key', () => byOther({}), 'COMM_TOKEN_INVALID', 'signature'],
  ['claims changed', tampered, 'COMM_TOKEN_INVALID', 'signature'],
  ['expired', () => token({ claims: { exp: inSeconds(-31) } }), 'COMM_TOKEN_EXPIRED', 'expired'],
  ['not yet valid', () => token({ claims: { nbf: inSeconds(60) } }), 'COMM_TOKEN_INVALID', 'not-yet-valid'],
  ['issued in the future', () => token({ claims: { iat: inSeconds(60) } }), 'COMM_TOKEN_INVALID', 'not-yet-valid'],
  ['without an end', () => token({ claims: { exp: undefined } }), 'COMM_TOKEN_INVALID', 'claim-missing'],
  ['an end that is text', () => token({ claims: { exp: '9999999999' } }), 'COMM_TOKEN_INVALID', 'claim'],
  ['for another audience', () => token({ claims: { aud: 'payments' } }), 'COMM_TOKEN_INVALID', 'audience'],
  ['without audience', () => token({ claims: { aud: undefined } }), 'COMM_TOKEN_INVALID', 'claim-missing'],
  ['of another issuer', () => token({ claims: { iss: `${ISSUER}.evil.test` } }), 'COMM_TOKEN_INVALID', 'issuer'],
  ['without a subject', () => token({ claims: { sub: undefined } }), 'COMM_TOKEN_INVALID', 'claim-missing'],
  ['a subject that is a list', () => token({ claims: { sub: ['a'] } }), 'COMM_TOKEN_INVALID', 'claim'],
  ['truncated', async () => (await token()).slice(0, -20), 'COMM_TOKEN_INVALID', 'signature'],
  ['cut after the claims', async () => (await token()).split('.').slice(0, 2).join('.'), 'COMM_TOKEN_INVALID', 'malformed'],
  ['a fourth part', async () => `${await token()}.AAAA`, 'COMM_TOKEN_INVALID', 'malformed'],
  ['empty', () => '', 'COMM_TOKEN_INVALID', 'malformed'],
  [
    'duplicate keys in the header',
    () => rawToken('{"alg":"none","kid":"k1","alg":"RS256"}', JSON.stringify(CLAIMS)),
    'COMM_TOKEN_INVALID',
    'duplicate-key',
  ],
  [
    'duplicate keys in the claims',
    () => rawToken('{"alg":"RS256","kid":"k1"}', `{"sub":"admin",${JSON.stringify(CLAIMS).slice(1)}`),
    'COMM_TOKEN_INVALID',
    'duplicate-key',
  ],
  [
    'duplicate keys in the claims, one of them escaped',
    () => rawToken('{"alg":"RS256","kid":"k1"}', `{"\\u0073ub":"admin",${JSON.stringify(CLAIMS).slice(1)}`),
    'COMM_TOKEN_INVALID',
    'duplicate-key',
  ],
  [
    'duplicate keys deep in the claims',
    () => rawToken('{"alg":"RS256","kid":"k1"}', `{"a":[{"b":{"c":1,"c":2}}],${JSON.stringify(CLAIMS).slice(1)}`),
    'COMM_TOKEN_INVALID',
    'duplicate-key',
  ],
  [
    'something critical that nobody knows',
    () => rawToken('{"alg":"RS256","kid":"k1","crit":["exp"],"exp":1}', JSON.stringify(CLAIMS)),
    'COMM_TOKEN_INVALID',
    'critical-header',
  ],
  [
    'content that is not encoded',
    () => rawToken('{"alg":"RS256","kid":"k1","crit":["b64"],"b64":false}', JSON.stringify(CLAIMS)),
    'COMM_TOKEN_INVALID',
    'critical-header',
  ],
  ['huge', () => token({ claims: { padding: 'x'.repeat(1_000_000) } }), 'COMM_TOKEN_INVALID', 'too-large'],
]

describe('a token that attacks', () => {
  it.each(ATTACKS)('%s is refused, and the audit log says why', async (_name, make, code, reason) => {
    const { logger, entries, text } = keptLog()
    const presented = await make()
    const refusal = (await gateWith(logger)
      .admit(presenting(`Bearer ${presented}`), { action: 'GET', resource: '/orders' })
      .catch((error: unknown) => error)) as CommunicationError
    expect(refusal).toMatchObject({ name: 'AuthenticationError', code, details: { reason } })
    expect(securityLines(entries())).toEqual([
      { outcome: 'failure', method: 'jwt', code, reason: expect.stringMatching(`^${reason}: `), address: '192.0.2.7' },
    ])
    // No part of it is in a log, a message or the error as data.
    const told = text() + JSON.stringify(refusal) + refusal.message
    for (const part of presented.split('.').filter(({ length }) => length > 8)) expect(told).not.toContain(part)
  })

  it('is not the good one, which passes', async () => {
    const { logger, entries, text } = keptLog()
    const good = await token()
    const principal = await gateWith(logger).admit(presenting(`bearer ${good}`), { action: 'GET', resource: '/orders' })
    expect(principal).toMatchObject({ subject: 'billing', method: 'jwt', issuer: ISSUER, scopes: ['orders:read'], roles: [] })
    expect(securityLines(entries())).toEqual([
      { outcome: 'allowed', action: 'GET', resource: '/orders', subject: 'billing', method: 'jwt', address: '192.0.2.7' },
    ])
    for (const part of good.split('.')) expect(text() + JSON.stringify(principal)).not.toContain(part)
  })

  it.each(['HS256', 'HS384', 'HS512'] as const)(
    'an %s secret shorter than the hash is refused when the verifier is made',
    (algorithm) => {
      const bytes = Number(algorithm.slice(2)) / 8
      const make = (length: number) => () =>
        jwtVerifier({ algorithms: [algorithm], keys: [{ secret: 'x'.repeat(length) }], issuer: false, audience: false })
      expect(make(bytes)).not.toThrow()
      expect(make(bytes - 1)).toThrow(
        `keys[0] cannot be used: the key is a secret of ${bytes - 1} bytes, and ${algorithm} needs at least ${bytes}`,
      )
    },
  )
})
