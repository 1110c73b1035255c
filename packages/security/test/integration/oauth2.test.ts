import { type ChildProcess, fork } from 'node:child_process'
import { createHash, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { type Principal, TlsReloader, withContext } from '@comm/core'
import { bearer } from '@comm/security'
import { jwtVerifier } from '@comm/security/jwt'
import { clientCredentials, type OAuthClientOptions, tokenExchange, tokenIntrospection } from '@comm/security/oauth2'
import { TestClock } from '@comm/testkit'
import { createAuthority, type TlsFiles } from '@comm/testkit/servers'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { AUDIENCE, ec, ISSUER, otherRsa, publicJwk, rsa, token as signedToken } from '../support/tokens.ts'
import type { ServerAnswer, ServerOrder, ServerSettings } from './scripts/authorization-server.ts'

const authority = await createAuthority()
const certified = await authority.issue({ uris: ['spiffe://test.example/certified'] })

/** An authorization server in a process of its own. */
class AuthorizationServer {
  readonly issuer: string
  readonly #process: ChildProcess

  private constructor(child: ChildProcess, issuer: string) {
    this.#process = child
    this.issuer = issuer
  }

  static async start(tls?: TlsFiles): Promise<AuthorizationServer> {
    const settings: ServerSettings = {
      tls,
      clientJwk: { ...publicJwk(ec.publicKey, 'client-key'), alg: 'ES256' } as never,
      ownJwk: { ...rsa.privateKey.export({ format: 'jwk' }), kid: 'server-key' } as never,
    }
    const script = join(import.meta.dirname, 'scripts/authorization-server.ts')
    // It warns that it keeps everything in memory.
    const child = fork(script, [JSON.stringify(settings)], { execArgv: ['--conditions=@comm/source'], silent: true })
    const [{ issuer }] = (await once(child, 'message')) as [Extract<ServerAnswer, { issuer: string }>]
    return new AuthorizationServer(child, issuer)
  }

  async order(order: ServerOrder): Promise<number> {
    const answered = once(this.#process, 'message')
    this.#process.send(order)
    return ((await answered) as [Extract<ServerAnswer, { asked: number }>])[0].asked
  }

  async stop(): Promise<void> {
    const exited = once(this.#process, 'exit')
    this.#process.disconnect()
    await exited
  }
}

let plain: AuthorizationServer
let secure: AuthorizationServer
beforeAll(async () => {
  plain = await AuthorizationServer.start()
  secure = await AuthorizationServer.start(await authority.issue())
})
afterAll(async () => {
  await Promise.all([plain, secure].map((server) => server.stop()))
})

const basic = () =>
  ({
    issuer: plain.issuer,
    clientId: 'basic',
    authentication: { method: 'client_secret_basic', secret: 'basic-secret-0123456789' },
  }) as const satisfies OAuthClientOptions

const outcomeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'verified',
    ({ code, details }: { code: string; details: { reason?: string } }) => [code, details.reason],
  )

describe('client credentials', () => {
  it.each<[string, () => OAuthClientOptions]>([
    ['a secret in the header', basic],
    [
      'a secret in the body',
      () => ({
        issuer: plain.issuer,
        clientId: 'post',
        authentication: { method: 'client_secret_post', secret: 'post-secret-0123456789' },
      }),
    ],
    [
      'a signed JWT (RFC 7523)',
      () => ({
        issuer: plain.issuer,
        clientId: 'signed',
        authentication: { method: 'private_key_jwt', algorithm: 'ES256', key: { kid: 'client-key', key: ec.privateKey } },
      }),
    ],
    [
      'a certificate (RFC 8705)',
      () => ({
        issuer: secure.issuer,
        clientId: 'certified',
        authentication: { method: 'tls_client_auth' },
        tls: new TlsReloader('oauth.tls', { ...certified, serverName: 'localhost' }),
      }),
    ],
  ])('prove the client by %s, and give a token that holds', async (_name, options) => {
    const source = clientCredentials({ ...options(), scope: 'orders:read' })
    const token = await source.token()
    expect(token).toEqual({ value: expect.any(String), type: 'Bearer', expiresAt: expect.any(Number) })
    expect((token.expiresAt as number) - Date.now()).toBeGreaterThan(500_000)
    const { principal, claims } = await tokenIntrospection(options()).verify(token.value)
    expect(principal).toMatchObject({ method: 'introspection', subject: options().clientId, scopes: ['orders:read'] })
    if (options().clientId === 'certified') {
      const thumbprint = createHash('sha256').update(new X509Certificate(certified.cert).raw).digest('base64url')
      expect(claims['cnf']).toEqual({ 'x5t#S256': thumbprint })
    }
  })

  it('are asked for once, and anew after they were refused', async () => {
    const source = clientCredentials(basic())
    const before = await plain.order({ asked: '/token' })
    const all = await Promise.all(Array.from({ length: 20 }, () => source.token()))
    expect(new Set(all.map(({ value }) => value)).size).toBe(1)
    source.refused?.(all[0] as never)
    expect((await source.token()).value).not.toBe(all[0]?.value)
    expect((await plain.order({ asked: '/token' })) - before).toBe(2)
  })

  it.each<[string, () => OAuthClientOptions, boolean, string]>([
    [
      'a wrong secret',
      () => ({ ...basic(), authentication: { method: 'client_secret_basic', secret: 'an-other-secret-0123' } }),
      false,
      'was refused: invalid_client (401)',
    ],
    [
      'a JWT of another key',
      () => ({
        issuer: plain.issuer,
        clientId: 'signed',
        authentication: { method: 'private_key_jwt', algorithm: 'RS256', key: { kid: 'client-key', key: otherRsa.privateKey } },
      }),
      false,
      'was refused: invalid_client (401)',
    ],
    [
      'a server that is not there',
      () => ({ ...basic(), issuer: 'http://127.0.0.1:2' }),
      true,
      'failed: connect ECONNREFUSED 127.0.0.1:2',
    ],
  ])('are not to be had with %s', async (_name, options, retryable, message) => {
    const error = (await Promise.resolve(clientCredentials(options()).token()).catch((thrown: unknown) => thrown)) as Error
    expect(error).toMatchObject({ name: 'AuthenticationError', retryable, message: expect.stringContaining(message) })
    expect(JSON.stringify(error) + error.message).not.toMatch(/secret-0/)
  })

  it('are not asked of a server that no authority vouches for', async () => {
    const source = clientCredentials({ ...basic(), issuer: secure.issuer })
    await expect(source.token()).rejects.toMatchObject({ name: 'AuthenticationError' })
  })
})

describe('introspection', () => {
  it('is asked once for a token, and notices a revocation when its answer is too old', async () => {
    const clock = new TestClock({ startWallMs: Date.now() })
    const verifier = tokenIntrospection({ ...basic(), clock, cacheMaxAgeMs: 30_000 })
    const { value } = await clientCredentials(basic()).token()
    const before = await plain.order({ asked: '/token/introspection' })
    const asked = async () => (await plain.order({ asked: '/token/introspection' })) - before
    await Promise.all(Array.from({ length: 20 }, () => verifier.verify(value)))
    await verifier.verify(value)
    expect(await asked()).toBe(1)
    await plain.order({ revoke: value })
    await clock.advance(29_000)
    expect(await outcomeOf(verifier.verify(value))).toBe('verified')
    await clock.advance(1000)
    expect(await outcomeOf(verifier.verify(value))).toEqual(['COMM_TOKEN_INVALID', 'inactive'])
    expect(await outcomeOf(verifier.verify(value))).toEqual(['COMM_TOKEN_INVALID', 'inactive'])
    expect(await asked()).toBe(2)
  })

  it('refuses what is no token without asking, and what is for somebody else', async () => {
    const before = await plain.order({ asked: '/token/introspection' })
    const verifier = tokenIntrospection({ ...basic(), audience: 'payments' })
    expect(await outcomeOf(verifier.verify('two words'))).toEqual(['COMM_TOKEN_INVALID', 'malformed'])
    expect(await outcomeOf(verifier.verify('x'.repeat(9000)))).toEqual(['COMM_TOKEN_INVALID', 'too-large'])
    expect(await plain.order({ asked: '/token/introspection' })).toBe(before)
    expect(await outcomeOf(verifier.verify('unknown'))).toEqual(['COMM_TOKEN_INVALID', 'inactive'])
    const { value } = await clientCredentials(basic()).token()
    expect(await outcomeOf(verifier.verify(value))).toEqual(['COMM_TOKEN_INVALID', 'audience'])
  })

  it('neither lets in nor refuses for good while the server is away', async () => {
    const verifier = tokenIntrospection(basic())
    const { value } = await clientCredentials(basic()).token()
    await plain.order({ isUp: false })
    try {
      expect(await outcomeOf(verifier.verify(value))).toEqual(['COMM_KEYS_UNAVAILABLE', undefined])
    } finally {
      await plain.order({ isUp: true })
    }
    expect(await outcomeOf(verifier.verify(value))).toBe('verified')
  })
})

describe('token exchange', () => {
  it('gives one token for each caller, on whose behalf the call is made', async () => {
    const exchange = tokenExchange({ ...basic(), audience: 'payments', scope: 'orders:read' })
    const verifier = tokenIntrospection(basic())
    const callers = await Promise.all([
      clientCredentials({ ...basic(), scope: 'orders:read' }).token(),
      clientCredentials({
        issuer: plain.issuer,
        clientId: 'post',
        authentication: { method: 'client_secret_post', secret: 'post-secret-0123456789' },
        scope: 'orders:read',
      }).token(),
    ])
    const authenticator = bearer(verifier)
    const exchanged: string[] = []
    for (const { value } of [...callers, ...callers]) {
      const principal = (await authenticator.authenticate({ header: () => `Bearer ${value}` })) as Principal
      const token = await withContext({ principal }, () => exchange.token())
      exchanged.push(token.value)
    }
    expect(new Set(exchanged).size).toBe(2)
    expect(exchanged.slice(2)).toEqual(exchanged.slice(0, 2))
    expect(exchanged).not.toContain(callers[0]?.value)
    const { claims } = await verifier.verify(exchanged[1] as string)
    expect(claims).toMatchObject({ active: true, client_id: 'basic' })
  })

  it('says whom it cannot act for', async () => {
    const exchange = tokenExchange(basic())
    await expect(exchange.token()).rejects.toMatchObject({ code: 'COMM_CREDENTIALS_MISSING' })
    const wrong = tokenExchange({ ...basic(), subjectToken: () => 'nobodys' })
    const error = (await Promise.resolve(wrong.token()).catch((thrown: unknown) => thrown)) as Error
    expect(error.message).toContain('invalid_grant')
    expect(error.message).not.toContain('nobodys')
  })
})

describe('a token that is bound to a certificate', () => {
  it('is good only over a connection with that certificate (RFC 8705)', async () => {
    const verifier = jwtVerifier({
      algorithms: ['RS256'],
      keys: [{ jwk: publicJwk(rsa.publicKey, 'k1') }],
      issuer: ISSUER,
      audience: AUDIENCE,
    })
    const { raw } = new X509Certificate(certified.cert)
    const thumbprint = createHash('sha256').update(raw).digest('base64url')
    const value = await signedToken({ claims: { cnf: { 'x5t#S256': thumbprint } } })
    const other = new X509Certificate((await authority.issue()).cert).raw
    const outcome = (certificate?: { raw: Uint8Array; isVerified: boolean }) =>
      outcomeOf(
        Promise.resolve(
          bearer(verifier).authenticate({
            header: () => `Bearer ${value}`,
            ...(certificate === undefined ? {} : { certificate }),
          }),
        ),
      )
    expect(await outcome({ raw, isVerified: true })).toBe('verified')
    expect(await outcome({ raw: other, isVerified: true })).toEqual(['COMM_TOKEN_INVALID', 'certificate-binding'])
    expect(await outcome()).toEqual(['COMM_TOKEN_INVALID', 'certificate-binding'])
  })
})
