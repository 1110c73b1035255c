import type { webcrypto } from 'node:crypto'
import { type Clock, ConfigurationError, type Principal, systemClock } from '@comm/core'
import {
  arrayOf,
  callable,
  checkOptions,
  either,
  nonEmptyText,
  number,
  oneOf,
  type Rule,
  required,
  withDefaults,
  withMethods,
} from '@comm/core/options'
import { type JWTVerifyOptions, jwtVerify } from 'jose'
import { refused } from '../refusal.ts'
import { parseUnique } from '../unique-json.ts'
import { isSymmetric, type JwsAlgorithm } from './algorithms.ts'
import { base64url, type CheckedHeader, HeaderReader } from './header.ts'
import { fromJose, isSignatureMismatch } from './jose-errors.ts'
import type { KeySource } from './key-source.ts'
import type { Key, KeyOptions } from './keys.ts'
import { algorithmsRule, keySourceOf, keysRule } from './local-keys.ts'
import { type Claims, principalOf } from './principal-of.ts'

export interface JwtVerifierOptions {
  /** The only ones that count; what a token says about itself does not. */
  readonly algorithms: readonly JwsAlgorithm[]
  /** Keys of this process, or `remoteJwks({ url })`. */
  readonly keys: readonly KeyOptions[] | KeySource
  /** `iss` must be one of them; false: anybody whose key is known. */
  readonly issuer: string | readonly string[] | false
  /** `aud` must hold one of them; false: a token for anybody is good here. */
  readonly audience: string | readonly string[] | false
  /** Claims that must be there. `exp` must be there unless it is left out. @default ['exp'] */
  readonly requiredClaims?: readonly string[]
  /** How far the clocks of issuer and verifier may differ. @default 30000 */
  readonly clockSkewMs?: number
  /** Refuses a token that was issued longer ago (`iat`). @default no limit beside `exp` */
  readonly maxAgeMs?: number
  /** What the header's `typ` must be, such as `at+jwt` (RFC 9068). @default anything */
  readonly type?: string
  /** The claim that names the subject. @default 'sub' */
  readonly subjectClaim?: string
  /** Longest token. @default 8192 */
  readonly maxBytes?: number
  /** Corrects what is made of the claims: `(claims) => ({ roles: claims.realm_access.roles })`. What it throws refuses the token. */
  readonly principal?: (claims: Claims) => Partial<Omit<Principal, 'method'>>
  /** @default systemClock */
  readonly clock?: Clock
}

export const JWT_DEFAULTS: Readonly<
  Required<Pick<JwtVerifierOptions, 'requiredClaims' | 'clockSkewMs' | 'subjectClaim' | 'maxBytes' | 'clock'>>
> = Object.freeze({ requiredClaims: ['exp'], clockSkewMs: 30_000, subjectClaim: 'sub', maxBytes: 8192, clock: systemClock })

/** A token that holds. */
export interface VerifiedToken {
  readonly principal: Principal
  readonly claims: Claims
  readonly header: Readonly<Record<string, unknown>>
}

/** Finds out whether a bearer token holds: `jwtVerifier` by itself, `tokenIntrospection` by asking its issuer. */
export interface TokenVerifier {
  /** For audit lines. */
  readonly method: string
  /**
   * @throws AuthenticationError COMM_TOKEN_INVALID, COMM_TOKEN_EXPIRED; `details.reason` says why
   * @throws ServiceUnavailableError COMM_KEYS_UNAVAILABLE when nobody can tell now
   */
  verify(token: string, signal?: AbortSignal): Promise<VerifiedToken>
}

const names: Rule = either(nonEmptyText, arrayOf(nonEmptyText), oneOf(false))

/**
 * Verifies JSON Web Tokens (RFC 7519) in compact form, as RFC 8725 advises: the algorithm is chosen here, a key serves only the
 * algorithms it was made for, and what the token says about where its key is (`jku`, `jwk`, `x5u`, `x5c`) is never looked at.
 * @throws ConfigurationError
 */
export function jwtVerifier(options: JwtVerifierOptions): TokenVerifier {
  checkOptions<JwtVerifierOptions>('jwtVerifier', options, {
    algorithms: required(algorithmsRule),
    keys: required(keysRule),
    issuer: required(names),
    audience: required(names),
    requiredClaims: arrayOf(nonEmptyText),
    clockSkewMs: number({ min: 0 }),
    maxAgeMs: number({ above: 0 }),
    type: nonEmptyText,
    subjectClaim: nonEmptyText,
    maxBytes: number({ min: 1 }),
    principal: callable,
    clock: withMethods('a Clock', 'now', 'wall'),
  })
  return new JwtVerifier(withDefaults(JWT_DEFAULTS, options))
}

/** A named key that is not the right one fails alone; of nameless ones so many are tried. */
const MOST_TRIES = 8

class JwtVerifier implements TokenVerifier {
  readonly method = 'jwt'
  readonly #options: typeof JWT_DEFAULTS & JwtVerifierOptions
  readonly #keys: KeySource
  readonly #headers: HeaderReader
  readonly #jose: JWTVerifyOptions
  readonly #skewMs: number

  constructor(options: typeof JWT_DEFAULTS & JwtVerifierOptions) {
    const { algorithms, audience, clockSkewMs, issuer, keys, maxAgeMs, requiredClaims, subjectClaim, type } = options
    this.#options = options
    this.#keys = keySourceOf(keys, algorithms)
    if (this.#keys.isRemote && algorithms.some(isSymmetric)) {
      throw new ConfigurationError(
        `jwtVerifier.algorithms must not hold ${algorithms.filter(isSymmetric).join(', ')} with keys from outside: those are public`,
      )
    }
    this.#headers = new HeaderReader(algorithms)
    this.#skewMs = clockSkewMs
    this.#jose = {
      algorithms: [...algorithms],
      clockTolerance: clockSkewMs / 1000,
      requiredClaims: [...requiredClaims, subjectClaim],
      ...(issuer === false ? {} : { issuer: listOf(issuer) }),
      ...(audience === false ? {} : { audience: listOf(audience) }),
      ...(maxAgeMs === undefined ? {} : { maxTokenAge: maxAgeMs / 1000 }),
      ...(type === undefined ? {} : { typ: type }),
    }
  }

  async verify(token: string): Promise<VerifiedToken> {
    const { maxBytes } = this.#options
    if (typeof token !== 'string') throw refused('malformed', 'the token is not text')
    if (token.length > maxBytes) throw refused('too-large', `the token is longer than ${maxBytes} bytes`)
    const headerEnd = token.indexOf('.')
    const claimsEnd = token.indexOf('.', headerEnd + 1)
    if (headerEnd < 1 || claimsEnd < 0 || token.indexOf('.', claimsEnd + 1) >= 0) {
      throw refused('malformed', 'the token does not have the three parts of a JWS')
    }
    const header = this.#headers.read(token.slice(0, headerEnd))
    const found = this.#keys.find(header)
    const keys = found instanceof Promise ? await found : found
    const claims = await this.#claimsOf(token, header, keys)
    // Whoever signed them may have meant either of two; jose has taken the last.
    parseUnique('the claims', base64url('the claims', token.slice(headerEnd + 1, claimsEnd)))
    return { principal: this.#principal(claims), claims, header: header.all }
  }

  async #claimsOf(token: string, { algorithm }: CheckedHeader, keys: readonly Key[]): Promise<Claims> {
    const wall = this.#options.clock.wall()
    const options = { ...this.#jose, currentDate: new Date(wall) }
    const last = Math.min(keys.length, MOST_TRIES) - 1
    for (let at = 0; ; at++) {
      try {
        const { payload } = await jwtVerify(token, (keys[at] as Key).for(algorithm) as webcrypto.CryptoKey, options)
        if (typeof payload.iat === 'number' && payload.iat * 1000 > wall + this.#skewMs) {
          throw refused('not-yet-valid', 'the token was issued in the future')
        }
        return payload
      } catch (thrown) {
        if (at < last && isSignatureMismatch(thrown)) continue
        throw fromJose(thrown)
      }
    }
  }

  #principal(claims: Claims): Principal {
    const { principal: corrected, subjectClaim } = this.#options
    const subject = claims[subjectClaim]
    if (typeof subject !== 'string' || subject === '')
      throw refused('claim', `the claim ${subjectClaim} of the token is not a text`)
    const made = principalOf(claims, subject, this.method)
    if (corrected === undefined) return made
    try {
      return { ...made, ...corrected(claims) }
    } catch (cause) {
      throw refused('claim', 'the claims of the token are not what the option principal expects', undefined, { cause })
    }
  }
}

function listOf(value: string | readonly string[]): string[] {
  return typeof value === 'string' ? [value] : [...value]
}
