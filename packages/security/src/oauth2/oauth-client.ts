import type { webcrypto } from 'node:crypto'
import { AuthenticationError, CommunicationError, ConfigurationError } from '@comm/core'
import { withDefaults } from '@comm/core/options'
import * as oauth from 'openid-client'
import { keyOf } from '../jwt/keys.ts'
import { type Fetch, isLoopback, readLimited } from '../jwt/remote-jwks.ts'
import { undecided } from '../refusal.ts'
import {
  type ClientAuthentication,
  checkAuthentication,
  OAUTH_CLIENT_DEFAULTS,
  type OAuthClientOptions,
} from './client-options.ts'
import { tlsFetch } from './tls-fetch.ts'

type Endpoint = 'tokenEndpoint' | 'introspectionEndpoint'

const LARGEST_ANSWER_BYTES = 262_144

/** Asks an authorization server; what it answers is checked by openid-client. */
export class OAuthClient {
  readonly options: typeof OAUTH_CLIENT_DEFAULTS & OAuthClientOptions
  readonly #auth: oauth.ClientAuth
  readonly #fetch: oauth.CustomFetch
  #configuration: Promise<oauth.Configuration> | undefined

  /**
   * @param what names the options in messages
   * @param endpoint the one that is needed
   * @throws ConfigurationError
   */
  constructor(what: string, options: OAuthClientOptions, endpoint: Endpoint) {
    this.options = withDefaults(OAUTH_CLIENT_DEFAULTS, options)
    const { authentication, issuer, tls } = options
    if (issuer === undefined && options[endpoint] === undefined) {
      throw new ConfigurationError(`${what} must have an issuer to discover, or ${endpoint}`)
    }
    checkAuthentication(what, authentication)
    if (authentication.method === 'tls_client_auth' && tls?.current.cert === undefined) {
      throw new ConfigurationError(
        `${what}.tls must have a certificate for tls_client_auth, got ${tls === undefined ? 'nothing' : 'none'}`,
      )
    }
    this.#auth = clientAuth(what, authentication)
    this.#fetch = limited(options.fetch ?? (tls === undefined ? undefined : tlsFetch(tls, LARGEST_ANSWER_BYTES)))
  }

  /**
   * @param what completes `… of https://…: `
   * @throws AuthenticationError the server refuses; ServiceUnavailableError COMM_KEYS_UNAVAILABLE it cannot be asked
   */
  async ask<Answer>(what: string, request: (configuration: oauth.Configuration) => Promise<Answer>): Promise<Answer> {
    try {
      return await request(await this.#configured())
    } catch (thrown) {
      throw asError(`${what} of ${this.#server}`, thrown)
    }
  }

  get #server(): string {
    const { introspectionEndpoint, issuer, tokenEndpoint } = this.options
    return issuer ?? new URL(tokenEndpoint ?? introspectionEndpoint ?? '').origin
  }

  /** Discovers once; a discovery that failed is tried again by the next call. */
  #configured(): Promise<oauth.Configuration> {
    this.#configuration ??= this.#configure().catch((thrown: unknown) => {
      this.#configuration = undefined
      throw thrown
    })
    return this.#configuration
  }

  async #configure(): Promise<oauth.Configuration> {
    const { authentication, clientId, discovery, introspectionEndpoint, issuer, timeoutMs, tokenEndpoint } = this.options
    const metadata = authentication.method === 'tls_client_auth' ? { use_mtls_endpoint_aliases: true } : {}
    const timeout = timeoutMs / 1000
    const url = new URL(issuer ?? tokenEndpoint ?? introspectionEndpoint ?? '')
    // The options have been checked to be https, or a loopback address.
    const insecure = url.protocol === 'http:' && isLoopback(url.hostname) ? [oauth.allowInsecureRequests] : []
    let configuration: oauth.Configuration
    if (tokenEndpoint === undefined && introspectionEndpoint === undefined) {
      configuration = await oauth.discovery(url, clientId, metadata, this.#auth, {
        algorithm: discovery,
        execute: insecure,
        timeout,
        [oauth.customFetch]: this.#fetch,
      })
    } else {
      const server = {
        issuer: issuer ?? url.origin,
        ...(tokenEndpoint === undefined ? {} : { token_endpoint: tokenEndpoint }),
        ...(introspectionEndpoint === undefined ? {} : { introspection_endpoint: introspectionEndpoint }),
      }
      configuration = new oauth.Configuration(server, clientId, metadata, this.#auth)
      configuration.timeout = timeout
      configuration[oauth.customFetch] = this.#fetch
      for (const allow of insecure) allow(configuration)
    }
    return configuration
  }
}

function clientAuth(what: string, authentication: ClientAuthentication): oauth.ClientAuth {
  switch (authentication.method) {
    case 'client_secret_basic':
      return oauth.ClientSecretBasic(authentication.secret)
    case 'client_secret_post':
      return oauth.ClientSecretPost(authentication.secret)
    case 'tls_client_auth':
      return oauth.TlsClientAuth()
    case 'private_key_jwt': {
      const { algorithm, key: options } = authentication
      const key = keyOf(`${what}.authentication.key`, options, 'sign', [algorithm])
      const made = key.for(algorithm) as webcrypto.CryptoKey
      return oauth.PrivateKeyJwt(key.kid === undefined ? made : { key: made, kid: key.kid })
    }
  }
}

/** Nothing that a server answers is held in memory beyond a limit. @param fetch default: the platform's, as it is when called */
function limited(fetch: Fetch | undefined): oauth.CustomFetch {
  return async (url, options) => {
    const response = await (fetch ?? globalThis.fetch)(url, options as RequestInit)
    const { headers, status } = response
    if (response.body === null) return response
    return new Response(Buffer.from(await readLimited(response, LARGEST_ANSWER_BYTES)), { status, headers })
  }
}

/** OAuth error codes (RFC 6749, 5.2) that say something of the server's state, not of the request. */
const TEMPORARY: ReadonlySet<string> = new Set(['temporarily_unavailable', 'server_error', 'slow_down'])

function asError(what: string, thrown: unknown): CommunicationError {
  if (thrown instanceof CommunicationError) return thrown
  if (thrown instanceof oauth.ResponseBodyError) return answered(what, thrown.error, thrown.status)
  if (thrown instanceof oauth.WWWAuthenticateChallengeError) {
    return answered(what, thrown.cause[0]?.parameters.error ?? 'invalid_client', thrown.status)
  }
  return undecided(`the ${what} failed: ${innermost(thrown)}`, undefined)
}

function answered(what: string, error: string, status: number): CommunicationError {
  if (status >= 500 || TEMPORARY.has(error)) return undecided(`the ${what} failed: it answered ${error} (${status})`, undefined)
  return new AuthenticationError(`the ${what} was refused: ${error} (${status})`, { details: { error, status } })
}

const DEEPEST_CAUSE = 5

/**
 * What went wrong, in the words of the error at the bottom of what openid-client, fetch and the system throw. As text alone: the errors
 * above it hold the response, perhaps with a token in it.
 */
function innermost(thrown: unknown): string {
  let told = 'unknown error'
  let current = Object(thrown) as { readonly message?: unknown; readonly cause?: unknown }
  for (let depth = 0; depth < DEEPEST_CAUSE && typeof current.message === 'string'; depth++) {
    told = CommunicationError.from(current).message
    current = Object(current.cause)
  }
  return told
}
