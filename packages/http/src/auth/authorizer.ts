import { type AccessToken, checkAccessToken, type TokenSource } from '@comm/core'
import { object } from '@comm/core/options'
import { mergeHeaders } from '../headers.ts'
import { refuse } from '../refuse.ts'
import type { HttpRequest } from '../request.ts'
import { hideQueryParameter } from '../url.ts'
import { basicCredentials } from './basic.ts'
import type { AuthOptions, CustomAuth, OAuth2Options } from './options.ts'

/** What is added to a request so that it is let in. */
export interface Credentials {
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  readonly query?: readonly [name: string, value: string]
  /** It may be refused, and another one may do. */
  readonly token?: AccessToken
}

/** Gives a request its credentials. */
export interface Authorizer {
  /** The header that it sets; one set by hand is left alone. Absent: it sees to that itself. */
  readonly header?: string
  /** Without a promise where they are at hand. @throws AuthenticationError, and what a function of the user's throws */
  credentials(request: HttpRequest, signal: AbortSignal | undefined): Credentials | Promise<Credentials>
  refused?(token: AccessToken): void
}

/** @param auth that `checkAuth` accepts @param tokensOf makes a source of tokens */
export function authorizerOf(auth: AuthOptions, tokensOf: (oauth2: OAuth2Options) => TokenSource): Authorizer {
  if (typeof auth === 'function') return { credentials: (request) => customCredentials(auth, request) }
  if ('bearer' in auth) return fixed({ headers: { authorization: `Bearer ${auth.bearer}` } }, 'authorization')
  if ('basic' in auth) {
    return fixed({ headers: { authorization: basicCredentials(auth.basic.username, auth.basic.password) } }, 'authorization')
  }
  if ('apiKey' in auth) {
    const { header, query, value } = auth.apiKey
    if (header === undefined) {
      hideQueryParameter(query)
      return fixed({ headers: {}, query: [query, value] })
    }
    const name = header.toLowerCase()
    return fixed({ headers: { [name]: value } }, name)
  }
  return new TokenAuthorizer('tokens' in auth ? auth.tokens : tokensOf(auth.oauth2))
}

function fixed(credentials: Credentials, header?: string): Authorizer {
  return { credentials: () => credentials, ...(header !== undefined && { header }) }
}

class TokenAuthorizer implements Authorizer {
  readonly header = 'authorization'
  readonly #source: TokenSource
  /** For the token that was used last: as long as it lives, its header need not be written again. */
  #written: { readonly headers: { readonly authorization: string }; readonly token: AccessToken } | undefined

  constructor(source: TokenSource) {
    this.#source = source
  }

  credentials(_request: HttpRequest, signal: AbortSignal | undefined): Credentials | Promise<Credentials> {
    const token = this.#source.token(signal)
    return token instanceof Promise ? token.then((late) => this.#write(late)) : this.#write(token)
  }

  refused(token: AccessToken): void {
    this.#source.refused?.(token)
  }

  #write(token: AccessToken): Credentials {
    if (this.#written !== undefined && this.#written.token === token) return this.#written
    checkAccessToken(token)
    this.#written = { headers: { authorization: `${token.type} ${token.value}` }, token }
    return this.#written
  }
}

function customCredentials(auth: CustomAuth, request: HttpRequest): Credentials | Promise<Credentials> {
  const given: unknown = auth(request)
  return given instanceof Promise ? given.then(headersOnly) : headersOnly(given)
}

function headersOnly(given: unknown): Credentials {
  if (!object.accepts(given)) refuse('what auth() gives', 'an object of headers', `something else (${typeof given})`)
  return { headers: mergeHeaders({}, given as Parameters<typeof mergeHeaders>[1]) }
}
