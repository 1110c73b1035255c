import type { EventEmitter } from 'node:events'
import type { TLSSocket } from 'node:tls'
import { type Logger, securityLogger } from '@comm/core'

/**
 * Logs handshakes that a TLS server has ended: a client certificate of an unknown authority, one that has expired, or none. Such a caller
 * never gets as far as a request. @returns stops that
 */
export function auditHandshakes(server: EventEmitter, logger: Logger): () => void {
  const audit = securityLogger(logger)
  const failed = (error: Error & { readonly code?: string }, socket: Partial<TLSSocket> | undefined): void => {
    const address = socket?.remoteAddress === undefined ? {} : { address: socket.remoteAddress }
    // What was wrong with the certificate; the error then is only that the connection was ended.
    const why = socket?.authorizationError ?? error.code ?? error.message
    audit.authentication({ outcome: 'failure', method: 'mtls', reason: `handshake: ${String(why)}`, ...address })
  }
  server.on('tlsClientError', failed)
  return () => void server.off('tlsClientError', failed)
}
