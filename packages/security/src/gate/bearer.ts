import { createHash } from 'node:crypto'
import type { Principal } from '@comm/core'
import { checkArgument, withMethods } from '@comm/core/options'
import type { TokenVerifier } from '../jwt/jwt-verifier.ts'
import { refused } from '../refusal.ts'
import type { Authenticator } from './authenticator.ts'
import type { Credentials, PresentedCertificate } from './credentials.ts'

const SCHEME = /^bearer +/i

/** Tokens never travel in a principal, which is logged; whoever exchanges one asks for it here. */
const tokens = new WeakMap<Principal, string>()

/** The bearer token that a principal was established by, to be exchanged for another (RFC 8693); undefined for other principals. */
export function presentedToken(principal: Principal): string | undefined {
  return tokens.get(principal)
}

/** The token of an `Authorization: Bearer` header (RFC 6750, 2.1); undefined when there is none. */
function bearerToken(credentials: Credentials): string | undefined {
  const value = credentials.header('authorization')
  if (value === undefined || !SCHEME.test(value)) return undefined
  return value.replace(SCHEME, '').trim()
}

/**
 * Callers that present a bearer token. One that is bound to a certificate (`cnf.x5t#S256`, RFC 8705) is good only over a connection with
 * that certificate.
 */
export function bearer(verifier: TokenVerifier): Authenticator {
  checkArgument('bearer verifier', verifier, withMethods('a TokenVerifier', 'verify'))
  return {
    method: verifier.method,
    async authenticate(credentials, signal) {
      const token = bearerToken(credentials)
      if (token === undefined) return undefined
      const { principal, claims } = await verifier.verify(token, signal)
      checkBinding(claims['cnf'], credentials.certificate)
      tokens.set(principal, token)
      return principal
    },
  }
}

function checkBinding(confirmation: unknown, certificate: PresentedCertificate | undefined): void {
  const thumbprint = (Object(confirmation) as Readonly<Record<string, unknown>>)['x5t#S256']
  if (thumbprint === undefined) return
  const presented = certificate && createHash('sha256').update(certificate.raw).digest('base64url')
  if (presented === thumbprint) return
  const what = presented === undefined ? 'no certificate was presented' : 'another one was presented'
  throw refused('certificate-binding', `the token is bound to a certificate, and ${what}`)
}
