import { CommunicationError, type Principal } from '@comm/core'
import { apiKeys, MemoryApiKeyStore } from '@comm/security/api-keys'
import { jwsVerifier, jwtVerifier } from '@comm/security/jwt'
import { type PolicyData, policyFromData } from '@comm/security/policy'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { AUDIENCE, ISSUER, publicJwk, rawToken, rsa, token } from './support/tokens.ts'

const RUNS = 10_000
const base64url = fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes).toString('base64url'))
const json = fc.json({ maxDepth: 4 }).map((text) => Buffer.from(text).toString('base64url'))
const headerLike = fc
  .record(
    {
      alg: fc.constantFrom('RS256', 'none', 'HS256', 'ES256', '', 7, null),
      kid: fc.oneof(fc.constant('k1'), fc.string(), fc.anything()),
      crit: fc.oneof(fc.array(fc.string()), fc.anything()),
      b64: fc.anything(),
    },
    { requiredKeys: [] },
  )
  .map((header) => {
    const text = JSON.stringify(header, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value)) ?? '{}'
    return Buffer.from(text).toString('base64url')
  })
const part = fc.oneof(base64url, json, headerLike, fc.string(), fc.constant(''))

/** Random parts, random numbers of them; and good tokens with something done to them. */
function malformed(good: string) {
  const parts = fc.array(part, { maxLength: 5 }).map((all) => all.join('.'))
  const cut = fc.nat(good.length - 1).map((at) => good.slice(0, at))
  const flipped = fc
    .tuple(fc.nat(good.length - 1), fc.constantFrom('A', '.', '=', '\u0000', '\u{1F600}', ' '))
    .map(([at, with_]) => good.slice(0, at) + with_ + good.slice(at + 1))
    .filter((text) => text !== good)
  const [, claims, signature] = good.split('.')
  const reheaded = headerLike.map((header) => `${header}.${claims}.${signature}`)
  return fc.oneof(parts, cut, flipped, reheaded, fc.anything())
}

async function typed(run: () => unknown): Promise<void> {
  try {
    await run()
  } catch (thrown) {
    if (!(thrown instanceof CommunicationError) || thrown.code === 'COMM_UNKNOWN') throw thrown
    return
  }
  throw new Error('it was let in')
}

describe('whatever comes from outside', () => {
  it(`${RUNS} malformed tokens are refused with a typed error`, async () => {
    const keys = [{ jwk: publicJwk(rsa.publicKey, 'k1') }]
    const tokens = jwtVerifier({ algorithms: ['RS256'], keys, issuer: ISSUER, audience: AUDIENCE })
    const signatures = jwsVerifier({ algorithms: ['RS256'], keys })
    const api = apiKeys({ store: new MemoryApiKeyStore() })
    const good = await token()
    // The last character of a signature has bits that say nothing, so that changing it may change nothing.
    const isSame = (text: unknown): boolean =>
      typeof text === 'string' &&
      Buffer.from(text.split('.')[2] ?? '', 'base64url').equals(Buffer.from(good.split('.')[2] ?? '', 'base64url')) &&
      text.split('.').slice(0, 2).join('.') === good.split('.').slice(0, 2).join('.')
    await fc.assert(
      fc.asyncProperty(malformed(good), async (text) => {
        fc.pre(!isSame(text))
        await typed(() => tokens.verify(text as string))
        await typed(() => signatures.verify(text as string))
        await typed(() => api.verify(text as string))
      }),
      { numRuns: RUNS },
    )
  }, 180_000)

  it('claims of any shape, rightly signed, never break it', async () => {
    const keys = [{ jwk: publicJwk(rsa.publicKey, 'k1') }]
    const tokens = jwtVerifier({ algorithms: ['RS256'], keys, issuer: false, audience: false })
    await fc.assert(
      fc.asyncProperty(fc.json(), async (claims) => {
        await typed(async () => tokens.verify(await rawToken('{"alg":"RS256","kid":"k1"}', claims)))
      }),
      { numRuns: 200 },
    )
  })

  it(`${RUNS} generated policies are refused with a typed error, or decide`, () => {
    const principal: Principal = { subject: 'a', method: 'jwt', scopes: ['s'], roles: ['r'], attributes: { t: 1 } }
    const condition = fc.letrec((tie) => ({
      condition: fc.oneof(
        { depthSize: 'small' },
        fc.record({ scopes: fc.array(fc.constantFrom('s', 't')) }),
        fc.record({ roles: fc.array(fc.string(), { maxLength: 2 }) }),
        fc.record({
          attribute: fc.constantFrom('principal.subject', 'principal.attributes.t', 'x', 'request.attributes.__proto__'),
          equals: fc.anything(),
        }),
        fc.record({ attribute: fc.string(), exists: fc.boolean() }),
        fc.record({ all: fc.array(tie('condition'), { maxLength: 3 }) }),
        fc.record({ any: fc.array(tie('condition'), { maxLength: 3 }) }),
        fc.record({ not: tie('condition') }),
        fc.anything(),
      ),
    })).condition
    const rule = fc.oneof(
      fc.record(
        {
          name: fc.oneof(fc.string(), fc.anything()),
          effect: fc.constantFrom('allow', 'deny', 'ALLOW'),
          actions: fc.oneof(fc.array(fc.constantFrom('GET', '*', '**', '')), fc.anything()),
          resources: fc.array(fc.stringMatching(/^[/*a-c.]{0,12}$/), { maxLength: 4 }),
          when: condition,
        },
        { requiredKeys: ['effect'] },
      ),
      fc.anything(),
    )
    let decided = 0
    fc.assert(
      fc.property(fc.oneof(fc.record({ rules: fc.array(rule, { maxLength: 4 }) }), fc.anything()), (data) => {
        let policy: ReturnType<typeof policyFromData>
        try {
          policy = policyFromData(data as PolicyData)
        } catch (thrown) {
          if (!(thrown instanceof CommunicationError) || thrown.code !== 'COMM_CONFIGURATION') throw thrown
          return
        }
        decided++
        const decision = policy(principal, { action: 'GET', resource: '/a/b.c' })
        if (!decision.allowed) expect(decision.reason).not.toBe('')
      }),
      { numRuns: RUNS },
    )
    // Enough of them are right to be decided by.
    expect(decided).toBeGreaterThan(RUNS / 20)
  }, 180_000)

  it('a pattern of many stars ends', () => {
    const policy = policyFromData({ rules: [{ effect: 'allow', resources: [`${'**a'.repeat(80)}!`] }] })
    expect(
      policy({ subject: 'a', method: 'm', scopes: [], roles: [], attributes: {} }, { action: 'GET', resource: 'a'.repeat(8000) })
        .allowed,
    ).toBe(false)
  })
})
