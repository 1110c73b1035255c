import type { Schema } from '../schema/setting.ts'

export interface BasicAuthConfig {
  readonly username?: string
  readonly password?: string
}

/** In a header, or in the query. */
export interface ApiKeyConfig {
  readonly header?: string
  readonly query?: string
  readonly value?: string
}

/** The client credentials grant of OAuth 2.0. */
export interface OAuth2Config {
  readonly tokenUrl?: string
  readonly clientId?: string
  readonly clientSecret?: string
  readonly scope?: string
  readonly audience?: string
  readonly clientAuthentication?: 'basic' | 'post'
}

/** One way to show who calls; nothing set: none. */
export interface HttpAuthConfig {
  readonly bearer?: string
  readonly basic: BasicAuthConfig
  readonly apiKey: ApiKeyConfig
  readonly oauth2: OAuth2Config
}

export const HTTP_AUTH: Schema<HttpAuthConfig> = {
  bearer: { kind: 'text', secret: true, doc: 'Sent as a bearer token.' },
  basic: {
    username: { kind: 'text', doc: 'User name of basic authentication.' },
    password: { kind: 'text', secret: true, doc: 'Password of basic authentication.' },
  },
  apiKey: {
    header: { kind: 'text', doc: 'The header that carries the API key.' },
    query: { kind: 'text', doc: 'The query parameter that carries it, in place of a header.' },
    value: { kind: 'text', secret: true, doc: 'The API key.' },
  },
  oauth2: {
    tokenUrl: { kind: 'url', doc: 'Token endpoint of the authorization server, for the client credentials grant.' },
    clientId: { kind: 'text', doc: 'Who asks for the token.' },
    clientSecret: { kind: 'text', secret: true, doc: 'Proves it.' },
    scope: { kind: 'text', doc: 'What the token is to allow, separated by spaces.' },
    audience: { kind: 'text', doc: 'For whom the token is.' },
    clientAuthentication: { kind: 'choice', of: ['basic', 'post'], doc: 'Id and secret in a header, or in the body.' },
  },
}
