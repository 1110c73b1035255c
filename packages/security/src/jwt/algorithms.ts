import { KeyObject, type webcrypto } from 'node:crypto'

type CryptoKey = webcrypto.CryptoKey

/** Signature algorithms of RFC 7518 section 3, RFC 8037 and RFC 9864. `none` is none of them. */
export const JWS_ALGORITHMS = [
  'HS256',
  'HS384',
  'HS512',
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const
export type JwsAlgorithm = (typeof JWS_ALGORITHMS)[number]

export function isJwsAlgorithm(value: unknown): value is JwsAlgorithm {
  return (JWS_ALGORITHMS as readonly unknown[]).includes(value)
}

export function isSymmetric(algorithm: JwsAlgorithm): boolean {
  return algorithm.startsWith('HS')
}

const CURVES: Readonly<Record<string, readonly [named: string, crv: string]>> = {
  ES256: ['prime256v1', 'P-256'],
  ES384: ['secp384r1', 'P-384'],
  ES512: ['secp521r1', 'P-521'],
}
/** RFC 7518, sections 3.3 and 3.5. */
const SHORTEST_RSA_BITS = 2048

/** Why a key cannot serve an algorithm, completing `the key …`; undefined when it can. */
export function misfit(key: KeyObject, algorithm: JwsAlgorithm): string | undefined {
  const family = algorithm.slice(0, 2)
  if (family === 'HS') {
    if (key.type !== 'secret') return `is ${key.type}, and ${algorithm} needs a secret`
    // RFC 7518 section 3.2: a key of the size of the hash output or larger must be used.
    const needed = Number(algorithm.slice(2)) / 8
    const bytes = key.symmetricKeySize ?? 0
    return bytes < needed ? `is a secret of ${bytes} bytes, and ${algorithm} needs at least ${needed}` : undefined
  }
  const kind = key.asymmetricKeyType
  if (family === 'RS' || family === 'PS') {
    if (kind !== 'rsa' && !(family === 'PS' && kind === 'rsa-pss'))
      return `is of type ${kind ?? key.type}, and ${algorithm} needs RSA`
    const bits = key.asymmetricKeyDetails?.modulusLength ?? 0
    return bits < SHORTEST_RSA_BITS ? `has ${bits} bits, and ${algorithm} needs at least ${SHORTEST_RSA_BITS}` : undefined
  }
  if (family === 'ES') {
    const [named, crv] = CURVES[algorithm] as readonly [string, string]
    const curve = key.asymmetricKeyDetails?.namedCurve
    return kind === 'ec' && curve === named ? undefined : `is of type ${curve ?? kind ?? key.type}, and ${algorithm} needs ${crv}`
  }
  return kind === 'ed25519' ? undefined : `is of type ${kind ?? key.type}, and ${algorithm} needs Ed25519`
}

/** The key as Web Crypto wants it for one algorithm; made once, because importing costs more than verifying. */
export function cryptoKeyFor(key: KeyObject, algorithm: JwsAlgorithm, use: 'sign' | 'verify'): CryptoKey {
  const hash = `SHA-${algorithm.slice(2)}`
  switch (algorithm.slice(0, 2)) {
    case 'HS':
      return key.toCryptoKey({ name: 'HMAC', hash }, false, [use])
    case 'RS':
      return key.toCryptoKey({ name: 'RSASSA-PKCS1-v1_5', hash }, false, [use])
    case 'PS':
      return key.toCryptoKey({ name: 'RSA-PSS', hash }, false, [use])
    case 'ES':
      return key.toCryptoKey({ name: 'ECDSA', namedCurve: CURVES[algorithm]?.[1] as string }, false, [use])
    default:
      return key.toCryptoKey({ name: 'Ed25519' }, false, [use])
  }
}

export function isKeyObject(value: unknown): value is KeyObject {
  return value instanceof KeyObject
}
