import { type Clock, systemClock, TlsReloader } from '@comm/core'
import {
  callable,
  checkOptions,
  nonEmptyText,
  number,
  object,
  oneOf,
  type Rules,
  required,
  secret,
  withMethods,
} from '@comm/core/options'
import { JWS_ALGORITHMS, type JwsAlgorithm } from '../jwt/algorithms.ts'
import type { KeyOptions } from '../jwt/keys.ts'
import { type Fetch, secureUrl } from '../jwt/remote-jwks.ts'

/** How a client proves to the authorization server who it is. */
export type ClientAuthentication =
  /** RFC 6749, 2.3.1: the secret in an `Authorization: Basic` header, or in the body. */
  | { readonly method: 'client_secret_basic' | 'client_secret_post'; readonly secret: string }
  /** RFC 7523: a short-lived JWT signed with a private key. */
  | { readonly method: 'private_key_jwt'; readonly key: KeyOptions; readonly algorithm: JwsAlgorithm }
  /** RFC 8705: the certificate of the option `tls`. */
  | { readonly method: 'tls_client_auth' }

/** This service as a client of an OAuth 2.0 authorization server. */
export interface OAuthClientOptions {
  /** Finds the endpoints by the server's metadata (RFC 8414, OpenID Connect Discovery), when first needed. */
  readonly issuer?: string
  /** Which metadata: `/.well-known/openid-configuration`, or `/.well-known/oauth-authorization-server`. @default 'oidc' */
  readonly discovery?: 'oidc' | 'oauth2'
  /** In place of discovery. */
  readonly tokenEndpoint?: string
  readonly introspectionEndpoint?: string
  readonly clientId: string
  readonly authentication: ClientAuthentication
  /** Whom to trust, and the client certificate. @default what the platform trusts, and none */
  readonly tls?: TlsReloader
  /** @default 5000 */
  readonly timeoutMs?: number
  /** @default globalThis.fetch; one of its own with `tls` */
  readonly fetch?: Fetch
  /** @default systemClock */
  readonly clock?: Clock
}

export const OAUTH_CLIENT_DEFAULTS: Readonly<Required<Pick<OAuthClientOptions, 'discovery' | 'timeoutMs' | 'clock'>>> =
  Object.freeze({
    discovery: 'oidc',
    timeoutMs: 5000,
    clock: systemClock,
  })

export const OAUTH_CLIENT_RULES: Rules<OAuthClientOptions> = {
  issuer: secureUrl,
  discovery: oneOf('oidc', 'oauth2'),
  tokenEndpoint: secureUrl,
  introspectionEndpoint: secureUrl,
  clientId: required(nonEmptyText),
  authentication: required({ ...object, expected: 'an object with method' }),
  tls: { expected: "a TlsReloader of '@comm/core'", accepts: (value) => value instanceof TlsReloader },
  timeoutMs: number({ above: 0 }),
  fetch: callable,
  clock: withMethods('a Clock', 'now', 'wall', 'setTimer'),
}

/** @throws ConfigurationError */
export function checkAuthentication(what: string, authentication: ClientAuthentication): void {
  const key = `${what}.authentication`
  const method = required(oneOf('client_secret_basic', 'client_secret_post', 'private_key_jwt', 'tls_client_auth'))
  switch (authentication.method) {
    case 'client_secret_basic':
    case 'client_secret_post':
      return checkOptions(key, authentication, { method, secret: required(secret(nonEmptyText)) })
    case 'private_key_jwt':
      return checkOptions(key, authentication, {
        method,
        key: required(object),
        algorithm: required(oneOf(...JWS_ALGORITHMS.filter((algorithm) => !algorithm.startsWith('HS')))),
      })
    default:
      return checkOptions(key, authentication, { method })
  }
}
