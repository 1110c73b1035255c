import type { JsonWebKey } from 'node:crypto'
import { jwtVerifier, type RemoteJwksOptions, remoteJwks } from '@comm/security/jwt'
import { TestClock, waitFor } from '@comm/testkit'
import { afterEach, describe, expect, it } from '@jest/globals'
import { keptLog } from '../support/audit.ts'
import { IdentityProvider } from '../support/identity-provider.ts'
import { AUDIENCE, ec, ISSUER, otherRsa, publicJwk, rsa, token } from '../support/tokens.ts'

const jwks = (...keys: readonly object[]) => ({ body: JSON.stringify({ keys }) })
const K1: JsonWebKey = publicJwk(rsa.publicKey, 'k1')

let open: IdentityProvider[] = []
afterEach(async () => {
  await Promise.all(open.map((provider) => provider.stop()))
  open = []
})

async function setUp(options: Partial<RemoteJwksOptions> = {}) {
  const provider = await new IdentityProvider(() => jwks(K1)).start()
  open.push(provider)
  const clock = new TestClock()
  const log = keptLog()
  const keys = remoteJwks({ url: provider.url, clock, logger: log.logger, ...options })
  const verifier = jwtVerifier({ algorithms: ['RS256', 'ES256'], keys, issuer: ISSUER, audience: AUDIENCE })
  const outcome = (text: string): Promise<string> =>
    verifier.verify(text).then(
      ({ principal }) => principal.subject,
      (error: { code: string; details: { reason?: string } }) => `${error.code} ${error.details.reason ?? ''}`.trim(),
    )
  return { provider, clock, keys, verifier, outcome, ...log }
}

const AWAY = 'COMM_KEYS_UNAVAILABLE'
const UNKNOWN = 'COMM_TOKEN_INVALID unknown-key'

describe('the keys of a provider', () => {
  it('are fetched once for tokens that come together, and kept', async () => {
    const { outcome, provider } = await setUp()
    const tokens = await Promise.all(Array.from({ length: 50 }, () => token()))
    expect(new Set(await Promise.all(tokens.map(outcome)))).toEqual(new Set(['billing']))
    expect(provider.asked).toBe(1)
  })

  it('serve on for a minute without the provider, beyond their age, and unknown ones do not hammer it', async () => {
    const { clock, outcome, provider } = await setUp({ cacheMaxAgeMs: 20_000, cooldownMs: 10_000 })
    const known = await token()
    const unknown = await token({ header: { kid: 'k2' }, key: otherRsa.privateKey })
    expect(await outcome(known)).toBe('billing')
    let tried = 0
    provider.answer = () => {
      tried++
      return { status: 503, body: '' }
    }
    for (let second = 0; second < 60; second++) {
      await clock.advance(1000)
      const outcomes = await Promise.all([known, unknown, known, unknown].map(outcome))
      // Right after a fetch it is refused; later nobody can tell whether the provider knows it by now.
      const other = second < 9 ? UNKNOWN : AWAY
      expect(outcomes).toEqual(['billing', other, 'billing', other])
    }
    // From the tenth second on one in ten seconds.
    expect(tried).toBe(6)
    provider.answer = () => jwks(K1, publicJwk(otherRsa.publicKey, 'k2'))
    await clock.advance(10_000)
    expect(await outcome(unknown)).toBe('billing')
  })

  it('serve on while nothing listens at all, until staleIfErrorMs is over', async () => {
    const { clock, outcome, provider, entries } = await setUp({ cacheMaxAgeMs: 1000, cooldownMs: 1000, staleIfErrorMs: 60_000 })
    const known = await token()
    expect(await outcome(known)).toBe('billing')
    await provider.stop()
    await clock.advance(59_000)
    expect(await outcome(known)).toBe('billing')
    await clock.advance(2000)
    expect(await outcome(known)).toBe(AWAY)
    expect(entries().filter(({ level }) => level === 'warn').length).toBeGreaterThan(0)
    await provider.start()
    await clock.advance(1000)
    expect(await outcome(known)).toBe('billing')
  })

  it('of tokens that nobody signed cause one fetch a cooldown', async () => {
    const { clock, outcome, provider } = await setUp({ cooldownMs: 30_000 })
    expect(await outcome(await token())).toBe('billing')
    for (let at = 0; at < 100; at++) {
      expect(await outcome(await token({ header: { kid: `guess-${at}` }, key: otherRsa.privateKey }))).toBe(UNKNOWN)
    }
    expect(provider.asked).toBe(1)
    await clock.advance(30_000)
    await Promise.all(
      Array.from({ length: 20 }, async (_, at) => outcome(await token({ header: { kid: `g-${at}` }, key: otherRsa.privateKey }))),
    )
    expect(provider.asked).toBe(2)
  })

  it('are fetched anew when one comes that they do not have, and a key that was taken out is forgotten', async () => {
    const { clock, outcome, provider } = await setUp({ cooldownMs: 1000 })
    const old = await token()
    const rotated = await token({ header: { kid: 'k2', alg: 'ES256' }, key: ec.privateKey })
    expect(await outcome(old)).toBe('billing')
    provider.answer = () => jwks(publicJwk(ec.publicKey, 'k2'))
    await clock.advance(1000)
    expect(await outcome(rotated)).toBe('billing')
    expect(await outcome(old)).toBe(UNKNOWN)
  })

  it('are refreshed in the background before they are too old', async () => {
    const { clock, outcome, provider } = await setUp({ cacheMaxAgeMs: 100_000 })
    const known = await token()
    await outcome(known)
    await clock.advance(90_000)
    provider.answer = () => 'hang'
    expect(await outcome(known)).toBe('billing')
    await waitFor(() => provider.asked === 2)
  })

  it('that take too long count as not there', async () => {
    const { clock, outcome, provider } = await setUp({ timeoutMs: 5000 })
    provider.answer = () => 'hang'
    const pending = outcome(await token())
    await waitFor(() => provider.asked === 1)
    await clock.advance(5000)
    expect(await pending).toBe(AWAY)
  })

  it.each<[string, () => ReturnType<IdentityProvider['answer']>]>([
    ['no JSON', () => ({ body: '<html>' })],
    ['no JWK set', () => ({ body: '{"keys":{}}' })],
    ['a member that is there twice', () => ({ body: `{"keys":[],"keys":[${JSON.stringify(K1)}]}` })],
    ['more than it may', () => ({ body: JSON.stringify({ keys: [K1], padding: 'x'.repeat(300_000) }) })],
    ['another status', () => ({ status: 500, body: JSON.stringify({ keys: [K1] }) })],
    ['a redirect', () => ({ status: 302, body: '' })],
    ['no key that verifies', () => jwks({ kty: 'oct', k: 'c2VjcmV0', kid: 'k1' })],
    ['a key that is too short', () => jwks({ kty: 'RSA', n: 'AQAB', e: 'AQAB', kid: 'k1' })],
  ])('that answers %s are not there', async (_name, answer) => {
    const { outcome, provider } = await setUp()
    provider.answer = answer
    expect(await outcome(await token())).toBe(AWAY)
  })

  it('that are of no use do not hide those that are', async () => {
    const { outcome, provider } = await setUp()
    const useless = [
      { kty: 'oct', k: 'c2VjcmV0', kid: 'k1' },
      { kty: 'XYZ' },
      { ...K1, use: 'enc' },
      null,
      7,
      { kty: 'EC', crv: 'P-256' },
    ]
    provider.answer = () => jwks(...(useless as object[]), K1)
    expect(await outcome(await token())).toBe('billing')
  })

  it('are never taken for secrets', () => {
    const keys = remoteJwks({ url: 'https://identity.test/jwks' })
    expect(() => jwtVerifier({ algorithms: ['HS256', 'RS256'], keys, issuer: false, audience: false })).toThrow(
      'jwtVerifier.algorithms must not hold HS256 with keys from outside: those are public',
    )
  })

  it('can be fetched before the first token', async () => {
    const { keys, outcome, provider } = await setUp()
    await keys.ready()
    expect(provider.asked).toBe(1)
    expect(await outcome(await token())).toBe('billing')
    expect(provider.asked).toBe(1)
    const away = remoteJwks({ url: 'http://127.0.0.1:1/jwks' })
    await expect(away.ready()).rejects.toMatchObject({ code: AWAY, retryable: true })
  })
})
