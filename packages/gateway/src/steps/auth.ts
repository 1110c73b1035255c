import type { IncomingHttpHeaders } from 'node:http'
import type { Principal } from '@comm/core'
import type { ClientExchange } from '../exchange/client-exchange.ts'
import { certificateOf, type PresentedCertificate } from './client-certificate.ts'
import type { RouteStep } from './step.ts'

/** What an authentication sees of a request. */
export interface AuthRequest {
  readonly method: string
  /** As it was written, without the query. */
  readonly path: string
  readonly headers: IncomingHttpHeaders
  /** Of the client, behind trusted proxies too. */
  readonly address: string
  /** Name of the route. */
  readonly route: string
}

/**
 * Establishes who asks, and whether that one may.
 * @returns who it is; undefined: nobody in particular, who may ask nevertheless
 * @throws AuthenticationError (401), AuthorizationError (403)
 */
export type Authenticate = (request: AuthRequest) => Principal | undefined | Promise<Principal | undefined>

/** What a client presents, as a gate is given it. */
export interface PresentedCredentials {
  /** A field of the request. @param name in lower case @returns undefined when absent, or there several times */
  header(name: string): string | undefined
  /** DER, where the client has shown a certificate. */
  readonly certificate: PresentedCertificate | undefined
  /** Of the client, behind trusted proxies too. */
  readonly address: string
}

/** What a client wants, as a gate is given it. */
export interface WantedAccess {
  /** The method. */
  readonly action: string
  /** The path that the client named, percent-encoding undone, without the query. */
  readonly resource: string
  readonly attributes: { readonly route: string }
}

/** Lets a request in or throws, and keeps a record of it: a `Gate` of `@comm/security` is one. */
export interface AuthGate {
  /** @throws AuthenticationError (401), AuthorizationError (403), ServiceUnavailableError (503) */
  admit(credentials: PresentedCredentials, wanted: WantedAccess): Promise<Principal>
}

export function authStep(route: string, auth: Authenticate | AuthGate): RouteStep {
  const ask = typeof auth === 'function' ? byFunction(route, auth) : byGate(route, auth)
  return {
    name: 'auth',
    async enter(exchange: ClientExchange): Promise<boolean> {
      exchange.principal = await ask(exchange)
      return false
    },
  }
}

type Ask = (exchange: ClientExchange) => ReturnType<Authenticate>

function byFunction(route: string, authenticate: Authenticate): Ask {
  return ({ method, pathname: path, request, clientAddress: address }) =>
    authenticate({ method, path, headers: request.headers, address, route })
}

function byGate(route: string, gate: AuthGate): Ask {
  return ({ method, pathname, request, clientAddress: address }) => {
    const { rawHeaders, socket } = request
    const credentials = { header: (name: string) => only(rawHeaders, name), certificate: certificateOf(socket), address }
    return gate.admit(credentials, { action: method, resource: resourceOf(pathname), attributes: { route } })
  }
}

/** Of two credentials nobody knows which one the service would look at. */
function only(rawHeaders: readonly string[], name: string): string | undefined {
  let found: string | undefined
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if ((rawHeaders[at] as string).toLowerCase() !== name) continue
    if (found !== undefined) return undefined
    found = rawHeaders[at + 1]
  }
  return found
}

/** As services read it, so that `/%61dmin` is judged as `/admin`; dot segments were refused before. */
function resourceOf(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}
