export { type ClientCredentialsOptions, clientCredentials } from './client-credentials.ts'
export { type ClientAuthentication, OAUTH_CLIENT_DEFAULTS, type OAuthClientOptions } from './client-options.ts'
export { INTROSPECTION_DEFAULTS, type IntrospectionOptions, tokenIntrospection } from './introspection.ts'
export { TOKEN_EXCHANGE_DEFAULTS, type TokenExchangeOptions, tokenExchange } from './token-exchange.ts'
