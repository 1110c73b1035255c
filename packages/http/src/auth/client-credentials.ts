import {
  type AccessToken,
  AuthenticationError,
  cachedTokenSource,
  systemClock,
  type TokenCacheOptions,
  type TokenSource,
} from '@comm/core'
import type { Query } from '../query.ts'
import type { HttpResponse } from '../response.ts'
import { responseOf } from '../status-error.ts'
import { displayUrl } from '../url.ts'
import { basicCredentials } from './basic.ts'
import { checkAuth, type OAuth2Options } from './options.ts'

/** What sends the request for a token: an HttpClient without `baseUrl`. */
export interface TokenRequester {
  post(
    url: URL,
    options: { readonly form: Query; readonly headers: Readonly<Record<string, string>>; readonly signal: AbortSignal },
  ): Promise<HttpResponse>
}

/**
 * Access tokens by the client credentials grant (RFC 6749, 4.4), one POST each: fetched before the held one ends, in the background
 * and once for all callers. One source may serve several clients, also those of other protocols.
 *
 * @param http such as `new HttpClient()`; the policies for the token endpoint are its own
 * @throws ConfigurationError
 */
export function clientCredentials(http: TokenRequester, oauth2: OAuth2Options, cache: TokenCacheOptions = {}): TokenSource {
  checkAuth('clientCredentials', { oauth2 })
  const url = new URL(oauth2.tokenUrl)
  const { clock = systemClock } = cache
  const request = tokenRequest(oauth2)
  const fetch = async (signal: AbortSignal): Promise<AccessToken> => {
    const askedAt = clock.wall()
    const response = await http.post(url, { ...request, signal }).catch((thrown) => {
      // What the server says of a status may repeat the request, so that the error is not kept.
      const answer = responseOf(thrown)
      throw answer === undefined ? thrown : refusal(answer, oauth2, (thrown as { retryable?: boolean }).retryable === true)
    })
    return tokenOf(response, askedAt)
  }
  return cachedTokenSource(fetch, { name: `the OAuth 2.0 client '${oauth2.clientId}'`, ...cache })
}

function tokenRequest(oauth2: OAuth2Options): { readonly form: Query; readonly headers: Readonly<Record<string, string>> } {
  const { clientId, clientSecret, scope, audience, clientAuthentication = 'basic' } = oauth2
  const form = { grant_type: 'client_credentials', scope, audience }
  const accept = 'application/json'
  if (clientAuthentication === 'post') {
    return { form: { ...form, client_id: clientId, client_secret: clientSecret }, headers: { accept } }
  }
  const authorization = basicCredentials(formEncoded(clientId), formEncoded(clientSecret))
  return { form, headers: { accept, authorization } }
}

/** RFC 6749, 2.3.1 and appendix B: id and secret are form-encoded before they become user name and password. */
function formEncoded(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1)
}

/** RFC 6749, 5.1. */
function tokenOf(response: HttpResponse, askedAt: number): AccessToken {
  const { access_token: value, token_type: type, expires_in: seconds } = jsonOf(response)
  const what = `POST ${displayUrl(response.url)} was answered ${response.status} without`
  if (typeof value !== 'string' || value === '') throw new AuthenticationError(`${what} an access_token (RFC 6749, 5.1)`)
  if (typeof type !== 'string' || type === '') throw new AuthenticationError(`${what} a token_type (RFC 6749, 5.1)`)
  const life = Number(seconds ?? Number.NaN)
  return {
    value,
    // Case means nothing (RFC 6749, 7.1), but to some servers.
    type: /^bearer$/i.test(type) ? 'Bearer' : type,
    ...(life >= 0 && { expiresAt: askedAt + life * 1000 }),
  }
}

/** RFC 6749, 5.2. What the server says goes into the message, as long as it is not one of the secrets. */
function refusal(response: HttpResponse, { clientSecret }: OAuth2Options, retryable: boolean): AuthenticationError {
  const { url, status } = response
  const { error, error_description: description, error_uri: uri } = jsonOf(response)
  const safe = (value: unknown): string | undefined => {
    if (typeof value !== 'string' || value === '') return undefined
    const repeats = [clientSecret, formEncoded(clientSecret)].some((secret) => value.includes(secret))
    return repeats ? '[redacted]' : value.replace(/[^\x20-\x7e]/g, '?').slice(0, 200)
  }
  const code = safe(error)
  const why = [safe(description), safe(uri)].filter((text) => text !== undefined).join(', ')
  const said = code === undefined ? 'without an error code' : `${code}${why && ` (${why})`}`
  return new AuthenticationError(`POST ${displayUrl(url)} was answered ${status}: ${said}${adviceFor(code)}`, {
    retryable,
    details: { url: displayUrl(url), status, ...(code !== undefined && { error: code }) },
  })
}

function adviceFor(code: string | undefined): string {
  if (code === 'invalid_client') return '; check clientId, clientSecret and clientAuthentication'
  if (code === 'invalid_scope') return '; check scope'
  if (code === 'unauthorized_client') return '; allow this client the client credentials grant'
  return ''
}

function jsonOf(response: HttpResponse): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(response.text())
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
