import type { TLSSocket } from 'node:tls'
import { AuthenticationError } from '@comm/core'
import type { ClientExchange } from '../exchange/client-exchange.ts'
import type { RouteStep } from './step.ts'

/** A client's certificate, as a gate is given it. */
export interface PresentedCertificate {
  /** DER. */
  readonly raw: Uint8Array
  /** It leads to an authority that the gateway trusts, and the client has its key. */
  readonly isVerified: boolean
  /** Why it is not verified. */
  readonly problem?: string
}

/** Lets nobody in without a certificate of a trusted authority. Who that is, and whether it may, is for `auth`. */
export const clientCertificateStep: RouteStep = {
  name: 'clientCertificate',
  enter({ request: { socket } }: ClientExchange): boolean {
    const certificate = certificateOf(socket)
    if (certificate === undefined) throw new AuthenticationError('this needs a client certificate')
    if (!certificate.isVerified) {
      const problem = certificate.problem ?? 'unknown authority'
      throw new AuthenticationError(`the client certificate is not verified: ${problem}`)
    }
    return false
  },
}

export function certificateOf(socket: object): PresentedCertificate | undefined {
  const { authorizationError, authorized, getPeerCertificate } = socket as Partial<TLSSocket>
  if (typeof getPeerCertificate !== 'function') return undefined
  const raw: Uint8Array | undefined = getPeerCertificate.call(socket, false)?.raw
  if (raw === undefined) return undefined
  const problem = authorizationError === undefined || authorizationError === null ? {} : { problem: String(authorizationError) }
  return { raw, isVerified: authorized === true, ...problem }
}
