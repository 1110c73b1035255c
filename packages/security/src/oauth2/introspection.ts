import { createHash } from 'node:crypto'
import type { CommunicationError } from '@comm/core'
import { arrayOf, checkOptions, either, nonEmptyText, number, withDefaults } from '@comm/core/options'
import { tokenIntrospection as introspect } from 'openid-client'
import type { TokenVerifier, VerifiedToken } from '../jwt/jwt-verifier.ts'
import { type Claims, principalOf } from '../jwt/principal-of.ts'
import { refused } from '../refusal.ts'
import { OAUTH_CLIENT_RULES, type OAuthClientOptions } from './client-options.ts'
import { OAuthClient } from './oauth-client.ts'

export interface IntrospectionOptions extends OAuthClientOptions {
  /** `aud` of the answer must hold one of them. @default whoever it is for */
  readonly audience?: string | readonly string[]
  /** How long an answer counts: so late a revocation is noticed. Never beyond the token's end. @default 60000 */
  readonly cacheMaxAgeMs?: number
  /** The same of an answer that the token does not hold. @default 10000 */
  readonly inactiveMaxAgeMs?: number
  /** Tokens whose answers are kept. @default 10000 */
  readonly maxEntries?: number
  /** Longest token. @default 8192 */
  readonly maxBytes?: number
}

export const INTROSPECTION_DEFAULTS: Readonly<
  Required<Pick<IntrospectionOptions, 'cacheMaxAgeMs' | 'inactiveMaxAgeMs' | 'maxEntries' | 'maxBytes'>>
> = Object.freeze({ cacheMaxAgeMs: 60_000, inactiveMaxAgeMs: 10_000, maxEntries: 10_000, maxBytes: 8192 })

/**
 * Asks the authorization server whether a token holds (RFC 7662): for tokens that only their issuer can read, or that must be revocable
 * at once. One question at a time for a token; its answer is kept for a while.
 * @throws ConfigurationError
 */
export function tokenIntrospection(options: IntrospectionOptions): TokenVerifier {
  checkOptions<IntrospectionOptions>('tokenIntrospection', options, {
    ...OAUTH_CLIENT_RULES,
    audience: either(nonEmptyText, arrayOf(nonEmptyText)),
    cacheMaxAgeMs: number({ min: 0 }),
    inactiveMaxAgeMs: number({ min: 0 }),
    maxEntries: number({ min: 1, integer: true }),
    maxBytes: number({ min: 1 }),
  })
  return new Introspection(withDefaults(INTROSPECTION_DEFAULTS, options))
}

interface Answer {
  readonly token: VerifiedToken | undefined
  readonly refusal: CommunicationError | undefined
  /** By the monotonic clock. */
  readonly until: number
}

/** RFC 6750, 2.1. */
const TOKEN = /^[A-Za-z0-9._~+/-]+=*$/

class Introspection implements TokenVerifier {
  readonly method = 'introspection'
  readonly #options: typeof INTROSPECTION_DEFAULTS & IntrospectionOptions
  readonly #client: OAuthClient
  /** By the hash of the token, oldest first: whoever reads the memory of this process finds no tokens. */
  readonly #answers = new Map<string, Answer>()
  readonly #asking = new Map<string, Promise<Answer>>()

  constructor(options: typeof INTROSPECTION_DEFAULTS & IntrospectionOptions) {
    this.#options = options
    this.#client = new OAuthClient('tokenIntrospection', options, 'introspectionEndpoint')
  }

  async verify(token: string): Promise<VerifiedToken> {
    const { maxBytes } = this.#options
    if (typeof token !== 'string' || !(token.length > maxBytes || TOKEN.test(token)))
      throw refused('malformed', 'it is no bearer token')
    if (token.length > maxBytes) throw refused('too-large', `the token is longer than ${maxBytes} bytes`)
    const key = createHash('sha256').update(token).digest('base64url')
    const known = this.#answers.get(key)
    const { token: verified, refusal } = known !== undefined && known.until > this.#now ? known : await this.#ask(key, token)
    if (refusal !== undefined) throw refusal
    return verified as VerifiedToken
  }

  get #now(): number {
    return this.#client.options.clock.now()
  }

  #ask(key: string, token: string): Promise<Answer> {
    const asking =
      this.#asking.get(key) ??
      this.#answerFor(token)
        .then((answer) => {
          this.#keep(key, answer)
          return answer
        })
        .finally(() => this.#asking.delete(key))
    this.#asking.set(key, asking)
    return asking
  }

  #keep(key: string, answer: Answer): void {
    this.#answers.delete(key)
    this.#answers.set(key, answer)
    if (this.#answers.size <= this.#options.maxEntries) return
    const [oldest] = this.#answers.keys()
    this.#answers.delete(oldest as string)
  }

  async #answerFor(token: string): Promise<Answer> {
    const claims: Claims = await this.#client.ask('introspection', (configuration) => introspect(configuration, token))
    const { cacheMaxAgeMs, inactiveMaxAgeMs } = this.#options
    const refusal = this.#refusalOf(claims)
    if (refusal !== undefined) return { token: undefined, refusal, until: this.#now + inactiveMaxAgeMs }
    const subject = [claims['sub'], claims['client_id'], claims['username']].find((each) => typeof each === 'string') as string
    const principal = principalOf(claims, subject, this.method)
    const restMs = (principal.expiresAt ?? Number.POSITIVE_INFINITY) - this.#client.options.clock.wall()
    return { token: { principal, claims, header: {} }, refusal: undefined, until: this.#now + Math.min(cacheMaxAgeMs, restMs) }
  }

  #refusalOf(claims: Claims): CommunicationError | undefined {
    const { active, aud, client_id, exp, nbf, sub, username } = claims
    const wall = this.#client.options.clock.wall()
    if (active !== true) return refused('inactive', 'the issuer says that the token does not hold')
    if (typeof exp === 'number' && exp * 1000 <= wall) return refused('expired', 'the token has expired', 'COMM_TOKEN_EXPIRED')
    if (typeof nbf === 'number' && nbf * 1000 > wall) return refused('not-yet-valid', 'the token does not hold yet')
    const { audience } = this.#options
    const wanted = audience === undefined ? undefined : [audience].flat()
    if (wanted?.some((each) => [aud].flat().includes(each)) === false) {
      return refused('audience', 'the claim aud of the token is not what is expected here')
    }
    const named = [sub, client_id, username].some((each) => typeof each === 'string' && each !== '')
    return named ? undefined : refused('claim-missing', 'the issuer does not say whose token it is')
  }
}
