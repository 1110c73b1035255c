import type { Clock, TokenSource } from '@comm/core'
import { refuse } from '../refuse.ts'
import type { HttpRequest } from '../request.ts'
import type { HttpResponse, HttpStreamResponse } from '../response.ts'
import { AuthorizedCalls, type Inner } from './authorized-calls.ts'
import { type Authorizer, authorizerOf } from './authorizer.ts'
import { type AuthOptions, checkAuth, type OAuth2Options } from './options.ts'

export interface ClientAuthParts {
  readonly auth: AuthOptions | undefined
  readonly baseUrl: URL | undefined
  readonly headers: Readonly<Record<string, string>>
  readonly inner: Inner
  readonly clock: Clock
  readonly tokensOf: (oauth2: OAuth2Options) => TokenSource
}

/** Sends the requests of a client with the credentials that the client, or the request, was given. */
export class ClientAuth {
  readonly #own: Authorizer | undefined
  readonly #inner: Inner
  readonly #calls: AuthorizedCalls
  readonly #tokensOf: (oauth2: OAuth2Options) => TokenSource
  /** Of requests: the same options are the same source of tokens. */
  readonly #others = new WeakMap<AuthOptions, Authorizer>()

  /** @throws ConfigurationError */
  constructor({ auth, baseUrl, headers, inner, clock, tokensOf }: ClientAuthParts) {
    this.#inner = inner
    this.#calls = new AuthorizedCalls(inner, clock)
    this.#tokensOf = tokensOf
    if (auth === undefined) return
    checkAuth('HttpClient.auth', auth)
    if (baseUrl === undefined) {
      refuse('HttpClient.auth', 'given with baseUrl, or with each request: credentials are for one server', 'no baseUrl')
    }
    this.#own = authorizerOf(auth, tokensOf)
    const { header = '' } = this.#own
    if (header in headers) refuse(`HttpClient.headers.${header}`, 'left out, because auth sets it', 'both')
  }

  /** @param auth of the request @returns without a promise what the cache has */
  send(
    request: HttpRequest,
    auth: false | AuthOptions | undefined,
    signal: AbortSignal | undefined,
  ): HttpResponse | HttpStreamResponse | Promise<HttpResponse | HttpStreamResponse> {
    const authorizer = this.#authorizerFor(request, auth)
    if (authorizer === undefined) return this.#inner.hit(request, signal) ?? this.#inner.answer(request, signal)
    return this.#calls.run(authorizer, request, signal)
  }

  #authorizerFor({ headers }: HttpRequest, auth: false | AuthOptions | undefined): Authorizer | undefined {
    if (auth === false) return undefined
    if (auth === undefined) return this.#own?.header !== undefined && this.#own.header in headers ? undefined : this.#own
    let authorizer = this.#others.get(auth)
    if (authorizer === undefined) {
      authorizer = authorizerOf(auth, this.#tokensOf)
      this.#others.set(auth, authorizer)
    }
    return authorizer
  }
}
