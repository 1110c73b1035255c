import { createHash } from 'node:crypto'
import {
  type AccessToken,
  AuthenticationError,
  cachedTokenSource,
  currentPrincipal,
  type Logger,
  silentLogger,
  type TokenSource,
} from '@comm/core'
import { arrayOf, callable, checkOptions, either, nonEmptyText, number, withDefaults, withMethods } from '@comm/core/options'
import { genericGrantRequest } from 'openid-client'
import { presentedToken } from '../gate/bearer.ts'
import { OAUTH_CLIENT_RULES, type OAuthClientOptions } from './client-options.ts'
import { accessTokenOf, parametersOf } from './grants.ts'
import { OAuthClient } from './oauth-client.ts'

const GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange'
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token'

export interface TokenExchangeOptions extends OAuthClientOptions {
  /** Whose token is exchanged. @default the token that the principal of the running call has presented */
  readonly subjectToken?: () => string | Promise<string>
  /** @default 'urn:ietf:params:oauth:token-type:access_token' */
  readonly subjectTokenType?: string
  /** Says who acts for the subject (RFC 8693, 1.1): a delegation. @default nobody: an impersonation */
  readonly actor?: TokenSource
  readonly scope?: string
  readonly audience?: string
  readonly resource?: string | readonly string[]
  /** Subjects whose tokens are kept; beyond it the one that was asked for least recently is forgotten. @default 1000 */
  readonly maxSubjects?: number
  /** @default silentLogger */
  readonly logger?: Logger
}

export const TOKEN_EXCHANGE_DEFAULTS: Readonly<
  Required<Pick<TokenExchangeOptions, 'subjectTokenType' | 'maxSubjects' | 'logger'>>
> = Object.freeze({ subjectTokenType: ACCESS_TOKEN, maxSubjects: 1000, logger: silentLogger })

/**
 * Tokens for calls on behalf of somebody (RFC 8693): the caller's token is exchanged for one that the next service takes. One for each
 * caller, kept until shortly before its end.
 * @throws ConfigurationError
 */
export function tokenExchange(options: TokenExchangeOptions): TokenSource {
  checkOptions<TokenExchangeOptions>('tokenExchange', options, {
    ...OAUTH_CLIENT_RULES,
    subjectToken: callable,
    subjectTokenType: nonEmptyText,
    actor: withMethods('a TokenSource', 'token'),
    scope: nonEmptyText,
    audience: nonEmptyText,
    resource: either(nonEmptyText, arrayOf(nonEmptyText)),
    maxSubjects: number({ min: 1, integer: true }),
    logger: withMethods('a Logger', 'warn'),
  })
  return new TokenExchange(withDefaults(TOKEN_EXCHANGE_DEFAULTS, options))
}

class TokenExchange implements TokenSource {
  readonly #options: typeof TOKEN_EXCHANGE_DEFAULTS & TokenExchangeOptions
  readonly #client: OAuthClient
  /** By the hash of the subject's token; the one asked for least recently first. */
  readonly #sources = new Map<string, TokenSource>()
  readonly #sourceOf = new WeakMap<AccessToken, TokenSource>()

  constructor(options: typeof TOKEN_EXCHANGE_DEFAULTS & TokenExchangeOptions) {
    const { actor, audience, logger, maxSubjects, resource, scope, subjectToken, subjectTokenType, ...client } = options
    this.#options = options
    this.#client = new OAuthClient('tokenExchange', client, 'tokenEndpoint')
  }

  async token(signal?: AbortSignal): Promise<AccessToken> {
    const { subjectToken = tokenOfCaller } = this.#options
    const subject = await subjectToken()
    const source = this.#sourceFor(subject)
    const token = await source.token(signal)
    this.#sourceOf.set(token, source)
    return token
  }

  refused(token: AccessToken): void {
    this.#sourceOf.get(token)?.refused?.(token)
  }

  #sourceFor(subject: string): TokenSource {
    const key = createHash('sha256').update(subject).digest('base64url')
    let source = this.#sources.get(key)
    if (source === undefined) {
      const { clock, timeoutMs } = this.#client.options
      const cache = {
        name: `token exchange of ${this.#options.clientId}`,
        timeoutMs: 2 * timeoutMs,
        logger: this.#options.logger,
        clock,
      }
      source = cachedTokenSource((signal) => this.#exchange(subject, signal), cache)
    } else this.#sources.delete(key)
    this.#sources.set(key, source)
    if (this.#sources.size > this.#options.maxSubjects) {
      const [oldest] = this.#sources.keys()
      this.#sources.delete(oldest as string)
    }
    return source
  }

  async #exchange(subject: string, signal: AbortSignal): Promise<AccessToken> {
    const { actor, audience, resource, scope, subjectTokenType } = this.#options
    const acting = await actor?.token(signal)
    const parameters = parametersOf({
      subject_token: subject,
      subject_token_type: subjectTokenType,
      actor_token: acting?.value,
      actor_token_type: acting && ACCESS_TOKEN,
      scope,
      audience,
      resource,
    })
    const answer = await this.#client.ask('token exchange', (configuration) =>
      genericGrantRequest(configuration, GRANT, parameters),
    )
    return accessTokenOf(answer, this.#client.options.clock)
  }
}

function tokenOfCaller(): string {
  const principal = currentPrincipal()
  const token = principal && presentedToken(principal)
  if (token !== undefined) return token
  const who =
    principal === undefined ? 'the running call has no principal' : `${principal.subject} came in by ${principal.method}`
  throw new AuthenticationError(`there is no token to exchange: ${who}; pass subjectToken`, { code: 'COMM_CREDENTIALS_MISSING' })
}
