import { createPrivateKey, createPublicKey, createSecretKey, type KeyObject, type webcrypto } from 'node:crypto'
import { ConfigurationError } from '@comm/core'
import { checkOptions, either, nonEmptyText, object, oneOf, type Rule, secret } from '@comm/core/options'
import type { JWK } from 'jose'
import { cryptoKeyFor, isKeyObject, JWS_ALGORITHMS, type JwsAlgorithm, misfit } from './algorithms.ts'

/** A key of this process; one of `jwk`, `pem`, `secret` and `key`. */
export interface KeyOptions {
  /** Tokens name it in their `kid` header. A key without one serves tokens whose `kid` no other key has. */
  readonly kid?: string
  /** The only algorithm it serves. @default every one it fits, or `alg` of the JWK */
  readonly algorithm?: JwsAlgorithm
  /** RFC 7517. */
  readonly jwk?: JWK
  /** SPKI, PKCS#8 or X.509 in PEM. */
  readonly pem?: string
  /** Shared secret for HS algorithms, at least as long as the hash: text counts in UTF-8. */
  readonly secret?: string | Uint8Array
  readonly key?: KeyObject
}

const bytes: Rule = { expected: 'a Uint8Array', accepts: (value) => value instanceof Uint8Array }
const keyObject: Rule = { expected: 'a KeyObject of node:crypto', accepts: isKeyObject }

/** A key, parsed once, and what it serves. */
export class Key {
  readonly kid: string | undefined
  readonly object: KeyObject
  readonly #only: string | undefined
  readonly #use: 'sign' | 'verify'
  /** By algorithm; undefined: it does not serve it. */
  readonly #made = new Map<string, webcrypto.CryptoKey | undefined>()

  constructor(object: KeyObject, kid: string | undefined, only: string | undefined, use: 'sign' | 'verify') {
    this.object = object
    this.kid = kid
    this.#only = only
    this.#use = use
  }

  /** The key in the form that jose wants; undefined when it does not serve the algorithm. */
  for(algorithm: JwsAlgorithm): webcrypto.CryptoKey | undefined {
    if (!this.#made.has(algorithm)) this.#made.set(algorithm, this.#make(algorithm))
    return this.#made.get(algorithm)
  }

  #make(algorithm: JwsAlgorithm): webcrypto.CryptoKey | undefined {
    if (this.#only !== undefined && this.#only !== algorithm) return undefined
    return misfit(this.object, algorithm) === undefined ? cryptoKeyFor(this.object, algorithm, this.#use) : undefined
  }
}

/**
 * @param what names the options in messages
 * @param algorithms what the key will be asked for: it must serve one of them
 * @throws ConfigurationError
 */
export function keyOf(what: string, options: KeyOptions, use: 'sign' | 'verify', algorithms: readonly JwsAlgorithm[]): Key {
  checkOptions<KeyOptions>(what, options, {
    kid: nonEmptyText,
    algorithm: oneOf(...JWS_ALGORITHMS),
    jwk: secret(object),
    pem: secret(nonEmptyText),
    secret: secret(either(nonEmptyText, bytes)),
    key: keyObject,
  })
  const { jwk } = options
  const object_ = parsed(what, options, use)
  const only = options.algorithm ?? (jwk?.['alg'] as string | undefined)
  const wanted = only === undefined ? algorithms : algorithms.filter((algorithm) => algorithm === only)
  const reasons = wanted.map((algorithm) => misfit(object_, algorithm))
  if (!reasons.includes(undefined)) {
    const why = reasons[0] ?? `is for ${only} alone, and the allowed algorithms are ${algorithms.join(', ')}`
    throw new ConfigurationError(`${what} cannot be used: the key ${why}`)
  }
  return new Key(object_, options.kid ?? (jwk?.['kid'] as string | undefined), only, use)
}

function parsed(what: string, { jwk, pem, secret: shared, key }: KeyOptions, use: 'sign' | 'verify'): KeyObject {
  const given = [jwk, pem, shared, key].filter((value) => value !== undefined)
  if (given.length !== 1) throw new ConfigurationError(`${what} must have one of jwk, pem, secret and key, got ${given.length}`)
  try {
    if (shared !== undefined) return createSecretKey(Buffer.from(shared as Uint8Array))
    if (jwk !== undefined) return fromJwk(jwk, use)
    if (pem !== undefined) return use === 'sign' ? createPrivateKey(pem) : createPublicKey(pem)
    const object_ = key as KeyObject
    return use === 'verify' && object_.type === 'private' ? createPublicKey(object_ as unknown as string) : object_
  } catch (cause) {
    throw new ConfigurationError(`${what} cannot be read as a key: ${(cause as Error).message}`, { cause })
  }
}

/** @throws Error when it is no key */
export function fromJwk(jwk: JWK, use: 'sign' | 'verify'): KeyObject {
  if (jwk.kty === 'oct') return createSecretKey(Buffer.from(String(jwk.k), 'base64url'))
  return use === 'sign'
    ? createPrivateKey({ key: { ...jwk }, format: 'jwk' })
    : createPublicKey({ key: { ...jwk }, format: 'jwk' })
}
