// A real authorization server (oidc-provider), in a process of its own: its clients prove themselves in four ways, and its exchange gives a
// token for the subject of another. Answers its parent over IPC.

import type { JsonWebKey } from 'node:crypto'
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { TlsFiles } from '@comm/testkit/servers'
import { errors, Provider } from 'oidc-provider'

export interface ServerSettings {
  /** Absent: in the clear. */
  readonly tls: TlsFiles | undefined
  /** Of the client `signed`. */
  readonly clientJwk: JsonWebKey
  /** Of the server, for what it signs. */
  readonly ownJwk: JsonWebKey
}

export type ServerOrder = { readonly asked: string } | { readonly revoke: string } | { readonly isUp: boolean }
/** `asked`: how often a path was asked for since the start. */
export type ServerAnswer = { readonly issuer: string } | { readonly asked: number }

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const GRANTS = ['client_credentials', EXCHANGE]
const common = { grant_types: GRANTS, redirect_uris: [], response_types: [] }

const asked = new Map<string, number>()
let isUp = true
let provider: Provider
const settings = JSON.parse(process.argv[2] as string) as ServerSettings
const { tls } = settings

const listener: RequestListener = (request, response) => {
  const path = new URL(request.url ?? '/', 'http://localhost').pathname
  asked.set(path, (asked.get(path) ?? 0) + 1)
  if (isUp) void provider.callback()(request, response)
  else response.writeHead(503).end()
}
const server =
  tls === undefined
    ? createHttpServer(listener)
    : createHttpsServer({ ...tls, requestCert: true, rejectUnauthorized: false }, listener)

const tell = (answer: ServerAnswer): void => void process.send?.(answer)

async function obey(order: ServerOrder): Promise<void> {
  if ('isUp' in order) isUp = order.isUp
  if ('revoke' in order) await (await provider.ClientCredentials.find(order.revoke))?.destroy()
  tell({ asked: 'asked' in order ? (asked.get(order.asked) ?? 0) : 0 })
}

process.on('message', (order: ServerOrder) => void obey(order))
process.on('disconnect', () => process.exit())
server.listen(0, '127.0.0.1', () => {
  const issuer = `${tls === undefined ? 'http' : 'https'}://localhost:${(server.address() as AddressInfo).port}`
  provider = providerFor(issuer)
  tell({ issuer })
})

function providerFor(issuer: string): Provider {
  const provider = new Provider(issuer, {
    clients: [
      {
        ...common,
        client_id: 'basic',
        client_secret: 'basic-secret-0123456789',
        token_endpoint_auth_method: 'client_secret_basic',
      },
      { ...common, client_id: 'post', client_secret: 'post-secret-0123456789', token_endpoint_auth_method: 'client_secret_post' },
      {
        ...common,
        client_id: 'signed',
        token_endpoint_auth_method: 'private_key_jwt',
        jwks: { keys: [settings.clientJwk as never] },
      },
      {
        ...common,
        client_id: 'certified',
        token_endpoint_auth_method: 'tls_client_auth',
        tls_client_auth_san_uri: 'spiffe://test.example/certified',
        tls_client_certificate_bound_access_tokens: true,
      },
    ],
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'tls_client_auth'],
    jwks: { keys: [settings.ownJwk as never] },
    scopes: ['orders:read', 'orders:write'],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: () => true },
      revocation: { enabled: true },
      mTLS: {
        enabled: true,
        tlsClientAuth: true,
        certificateBoundAccessTokens: true,
        getCertificate: (ctx) => (ctx.socket as TLSSocket).getPeerX509Certificate?.()?.toString(),
        certificateAuthorized: (ctx) => (ctx.socket as TLSSocket).authorized,
        certificateSubjectMatches: (ctx, _property, expected) =>
          (ctx.socket as TLSSocket).getPeerX509Certificate()?.subjectAltName?.includes(`URI:${expected}`) ?? false,
      },
    },
    ttl: { ClientCredentials: 600 },
  })
  const parameters = ['subject_token', 'subject_token_type', 'actor_token', 'actor_token_type', 'scope', 'audience', 'resource']
  provider.registerGrantType(
    EXCHANGE,
    async (ctx) => {
      const { client, params } = ctx.oidc
      const subject = await provider.ClientCredentials.find(String(params?.['subject_token']))
      if (subject === undefined || client === undefined) throw new errors.InvalidGrant('subject_token is not known')
      const token = new provider.ClientCredentials({ client, scope: String(params?.['scope'] ?? subject.scope) } as never)
      token.extra = { sub: `on behalf of ${subject.clientId}` }
      ctx.body = {
        access_token: await token.save(),
        issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        token_type: 'Bearer',
        expires_in: token.expiration,
      }
    },
    parameters,
  )
  return provider
}
