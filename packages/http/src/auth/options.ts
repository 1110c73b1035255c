import type { TokenSource } from '@comm/core'
import {
  checkArgument,
  checkOptions,
  nonEmptyText,
  object,
  oneOf,
  type Rule,
  type Rules,
  required,
  secret,
  withMethods,
} from '@comm/core/options'
import type { HeadersInput } from '../headers.ts'
import { refuse } from '../refuse.ts'
import type { HttpRequest } from '../request.ts'

/** A token that is good for as long as the client lives (RFC 6750). */
export interface BearerAuth {
  readonly bearer: string
}

/** User name and password (RFC 7617), sent as UTF-8. */
export interface BasicAuth {
  readonly basic: { readonly username: string; readonly password: string }
}

/** A key of the server's own invention. Prefer a header: URLs end up in the logs of others, and in the keys of a cache. */
export interface ApiKeyAuth {
  readonly apiKey:
    | { readonly header: string; readonly value: string; readonly query?: undefined }
    | { readonly query: string; readonly value: string; readonly header?: undefined }
}

/** The client credentials grant of OAuth 2.0 (RFC 6749, 4.4). */
export interface OAuth2Options {
  /** Of the authorization server's token endpoint. */
  readonly tokenUrl: string | URL
  readonly clientId: string
  readonly clientSecret: string
  /** Separated by spaces. @default what the server gives without being asked */
  readonly scope?: string
  /** For whom the token is, as many servers want to be told. */
  readonly audience?: string
  /** Where id and secret stand: in an Authorization header, or in the body (RFC 6749, 2.3.1). @default 'basic' */
  readonly clientAuthentication?: 'basic' | 'post'
}

export interface OAuth2Auth {
  readonly oauth2: OAuth2Options
}

/** Tokens from elsewhere: `cachedTokenSource` of `@comm/core`, or `clientCredentials` shared by several clients. */
export interface TokensAuth {
  readonly tokens: TokenSource
}

/** Headers for a request, such as a signature. Called once per call; all attempts carry what it gave. */
export type CustomAuth = (request: HttpRequest) => HeadersInput | Promise<HeadersInput>

/** How a client shows who it is. */
export type AuthOptions = BearerAuth | BasicAuth | ApiKeyAuth | OAuth2Auth | TokensAuth | CustomAuth

const KINDS = 'bearer, basic, apiKey, oauth2 or tokens'

export const authOption: Rule = {
  expected: `an object with one of ${KINDS}, or a function that gives headers`,
  accepts: (value) => typeof value === 'function' || object.accepts(value),
  secret: true,
}

/** RFC 6750, 2.1, and what servers use beside it. */
const visible: Rule = secret({
  expected: 'text of visible ASCII characters',
  accepts: (value) => typeof value === 'string' && /^[\x21-\x7e]+$/.test(value),
})
const printable = (expected: string, pattern: RegExp): Rule => ({
  expected,
  accepts: (value) => typeof value === 'string' && pattern.test(value),
})
const userName = secret(printable('text without colons and control characters (RFC 7617, 2)', /^[^:\p{Cc}]*$/u))
const password = secret(printable('text without control characters', /^\P{Cc}*$/u))
const headerName = printable('the name of a header', /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/)
const headerValue = secret(printable('text of printable ASCII characters', /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/))

const OAUTH2_RULES: Rules<OAuth2Options> = {
  tokenUrl: required({
    expected: 'an absolute http: or https: URL without credentials and fragment',
    accepts: isTokenUrl,
    secret: true,
  }),
  clientId: required(nonEmptyText),
  clientSecret: required(secret(nonEmptyText)),
  scope: printable('scopes separated by spaces (RFC 6749, 3.3)', /^[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*$/),
  audience: nonEmptyText,
  clientAuthentication: oneOf('basic', 'post'),
}

/**
 * Checks how a client or a request is to be authenticated; no value of a secret is ever shown.
 * @param key of the option, for messages
 * @throws ConfigurationError
 */
export function checkAuth(key: string, auth: AuthOptions): void {
  if (typeof auth === 'function') return
  const kinds = Object.entries(auth).filter(([, value]) => value !== undefined)
  const [kind, value] = kinds[0] ?? []
  if (kinds.length !== 1 || kind === undefined) {
    refuse(key, `given exactly one of ${KINDS}`, kinds.map(([name]) => name).join(' and ') || 'none')
  }
  const at = `${key}.${kind}`
  if (kind === 'bearer') return checkOptions(key, { bearer: value }, { bearer: required(visible) })
  if (kind === 'tokens') return checkOptions(key, { tokens: value }, { tokens: withMethods('a TokenSource', 'token') })
  if (kind !== 'basic' && kind !== 'oauth2' && kind !== 'apiKey') refuse(key, `given one of ${KINDS}`, `'${kind}'`)
  checkArgument(at, value, secret(object))
  if (kind === 'basic') return checkOptions(at, value as object, { username: required(userName), password: required(password) })
  if (kind === 'oauth2') return checkOptions(at, value as OAuth2Options, OAUTH2_RULES)
  const { header, query, ...rest } = value as { header?: unknown; query?: unknown }
  if ((header === undefined) === (query === undefined)) refuse(at, 'given one of header and query', header ? 'both' : 'none')
  const [place, rule] = header === undefined ? (['query', nonEmptyText] as const) : (['header', headerName] as const)
  checkOptions<object>(at, { ...rest, [place]: header ?? query }, { [place]: rule, value: required(headerValue) } as object)
}

function isTokenUrl(value: unknown): boolean {
  const url = value instanceof URL ? value : typeof value === 'string' ? URL.parse(value) : null
  return url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '' && url.hash === ''
}
