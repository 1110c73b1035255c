import { cachedTokenSource, type Logger, silentLogger, type TokenSource } from '@comm/core'
import { arrayOf, checkOptions, either, nonEmptyText, number, withMethods } from '@comm/core/options'
import { clientCredentialsGrant } from 'openid-client'
import { OAUTH_CLIENT_RULES, type OAuthClientOptions } from './client-options.ts'
import { accessTokenOf, parametersOf } from './grants.ts'
import { OAuthClient } from './oauth-client.ts'

export interface ClientCredentialsOptions extends OAuthClientOptions {
  /** Scopes to ask for, with blanks between. @default what the server gives by itself */
  readonly scope?: string
  /** Whom the token is for, by name, or by its URL (RFC 8707). */
  readonly audience?: string
  readonly resource?: string | readonly string[]
  /** So long before its end a token is replaced. @default 60000 */
  readonly refreshBeforeMs?: number
  /** @default silentLogger */
  readonly logger?: Logger
}

/**
 * Tokens that a service gets for itself (RFC 6749, 4.4), one for all its calls, renewed before it ends. The client proves who it is with
 * a secret, a signed JWT (RFC 7523) or its certificate (RFC 8705).
 * @throws ConfigurationError
 */
export function clientCredentials(options: ClientCredentialsOptions): TokenSource {
  checkOptions<ClientCredentialsOptions>('clientCredentials', options, {
    ...OAUTH_CLIENT_RULES,
    scope: nonEmptyText,
    audience: nonEmptyText,
    resource: either(nonEmptyText, arrayOf(nonEmptyText)),
    refreshBeforeMs: number({ min: 0 }),
    logger: withMethods('a Logger', 'warn'),
  })
  const client = new OAuthClient('clientCredentials', options, 'tokenEndpoint')
  const { audience, clientId, logger = silentLogger, refreshBeforeMs, resource, scope } = options
  const { clock, timeoutMs } = client.options
  const parameters = parametersOf({ scope, audience, resource })
  const fetch = async () => {
    const answer = await client.ask('token request', (configuration) => clientCredentialsGrant(configuration, parameters))
    return accessTokenOf(answer, clock)
  }
  // Discovery, when it comes first, has as much time again.
  const cache = { name: `OAuth client ${clientId}`, timeoutMs: 2 * timeoutMs, logger, clock }
  return cachedTokenSource(fetch, refreshBeforeMs === undefined ? cache : { ...cache, refreshBeforeMs })
}
