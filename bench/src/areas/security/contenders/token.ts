import { createSecretKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto'
import { SignJWT } from 'jose'

export const ISSUER = 'https://identity.example.com'
export const AUDIENCE = 'orders'

export interface Signed {
  readonly token: string
  /** What verifies it. */
  readonly key: KeyObject
}

/** An access token as an identity provider gives it to a service (RFC 9068), good for an hour. */
export async function signedToken(algorithm: string): Promise<Signed> {
  const [signing, key] = keysFor(algorithm)
  const claims = {
    client_id: 'billing',
    scope: 'orders:read orders:write payments:read',
    roles: ['service', 'accounting'],
    tenant: { id: 'a8f2', region: 'eu-west-1' },
    jti: 'c0b7f9f0-6f1e-4d0e-9a43-6f6a4b0f8f55',
  }
  const token = await new SignJWT(claims)
    .setProtectedHeader({ alg: algorithm, kid: 'k1', typ: 'at+jwt' })
    .setIssuer(ISSUER)
    .setAudience(AUDIENCE)
    .setSubject('billing@clients')
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(signing)
  return { token, key }
}

function keysFor(algorithm: string): readonly [signing: KeyObject, verifying: KeyObject] {
  if (algorithm === 'HS256') {
    const secret = createSecretKey(randomBytes(32))
    return [secret, secret]
  }
  const pair =
    algorithm === 'RS256'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : algorithm === 'ES256'
        ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
        : generateKeyPairSync('ed25519')
  return [pair.privateKey, pair.publicKey]
}
