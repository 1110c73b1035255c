import type { DetailedPeerCertificate, PeerCertificate, TLSSocket } from 'node:tls'

/** What a caller presents, whatever it came over. Everything in it comes from outside. */
export interface Credentials {
  /** A header or an entry of the metadata. @param name in lower case @returns undefined when absent or there several times */
  header(name: string): string | undefined
  /** Certificate of the peer, where the connection has one. */
  readonly certificate?: PresentedCertificate | undefined
  /** Address of the peer. */
  readonly address?: string | undefined
}

export interface PresentedCertificate {
  /** DER. */
  readonly raw: Uint8Array
  /** It leads to an authority that this service trusts, and the peer has its key: what `tls` calls `authorized`. */
  readonly isVerified: boolean
  /** Why it is not verified. */
  readonly problem?: string
}

/** The certificate of the other side of a TLS connection of `node:tls`; undefined without one. */
export function peerCertificate(socket: object): PresentedCertificate | undefined {
  const { authorizationError, authorized, getPeerCertificate } = socket as Partial<TLSSocket>
  if (typeof getPeerCertificate !== 'function') return undefined
  const certificate: PeerCertificate | DetailedPeerCertificate | undefined = getPeerCertificate.call(socket, false)
  if (certificate?.raw === undefined) return undefined
  const problem = authorizationError === undefined || authorizationError === null ? {} : { problem: String(authorizationError) }
  return { raw: certificate.raw, isVerified: authorized === true, ...problem }
}
