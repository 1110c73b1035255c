import type { AgentOptions } from 'node:https'
import type { SecureContextOptions } from 'node:tls'
import type { TlsMaterial, TlsReloader } from '@comm/core'

/** What `tls.Server`, `https.Server` and `Http2SecureServer` have in common here. */
export interface SecureServer {
  setSecureContext(options: SecureContextOptions): void
}

/** Keeps the certificates of a server those of a reloader; connections that stand keep theirs. @returns stops that */
export function followTls(server: SecureServer, reloader: TlsReloader): () => void {
  server.setSecureContext(contextOf(reloader.current))
  return reloader.onChange((material) => server.setSecureContext(contextOf(material)))
}

function contextOf({ ca, cert, key, passphrase }: TlsMaterial): SecureContextOptions {
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(passphrase === undefined ? {} : { passphrase }),
  }
}

/** What to give `https.createServer` for mutual TLS: every caller must show a certificate of the authority. TLS 1.2 at least. */
export function mutualTlsServerOptions(reloader: TlsReloader): SecureContextOptions & {
  readonly requestCert: true
  readonly rejectUnauthorized: true
} {
  return { ...contextOf(reloader.current), requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.2' }
}

/** What to give `https.request` or an `https.Agent` for the next connection. */
export function mutualTlsClientOptions(reloader: TlsReloader): AgentOptions {
  const { servername } = reloader.current
  return { ...contextOf(reloader.current), ...(servername === undefined ? {} : { servername }), minVersion: 'TLSv1.2' }
}
