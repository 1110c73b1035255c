import { createServer as createPlainServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createSecureServer, type Server as SecureServer } from 'node:https'
import { type Clock, ConfigurationError, type Logger, type TlsReloader, withContext } from '@comm/core'
import { contextHandler, type RequestHandler, type ServerOptions } from '@comm/http/server'
import { auditHandshakes, followTls, mutualTlsServerOptions } from '@comm/security/mtls'
import type { TopologyRecord } from '../topology/topology.ts'
import { type Gatekeeper, UNKNOWN_CALLER } from './gatekeeper.ts'

export interface ServingParts {
  /** Absent where callers show no certificates. */
  readonly tls: TlsReloader | undefined
  readonly gatekeeper: Gatekeeper
  readonly topology: TopologyRecord
  readonly logger: Logger
  readonly clock: Clock
}

/** A handler that is reached by those only who may; `currentPrincipal()` in it is the caller. Answers are counted by caller. */
export function guarded(handler: RequestHandler, { tls, gatekeeper, topology, clock }: ServingParts): RequestHandler {
  const count = (from: string, response: ServerResponse): void => {
    const startedAt = clock.now()
    response.once('close', () => {
      if (!response.headersSent) return
      topology.inbound(from, 'http').record(response.statusCode >= 500 ? 'error' : 'success', clock.now() - startedAt)
    })
  }
  return (request: IncomingMessage, response: ServerResponse) => {
    if (tls === undefined) {
      count(UNKNOWN_CALLER, response)
      return handler(request, response)
    }
    const principal = gatekeeper.request(request)
    count(principal.subject, response)
    return withContext({ principal }, () => handler(request, response))
  }
}

/** Servers whose certificates follow the reloader. */
export class Serving {
  readonly #parts: ServingParts
  readonly #stops = new Set<() => void>()

  constructor(parts: ServingParts) {
    this.#parts = parts
  }

  /** @throws ConfigurationError when what mutual TLS needs is missing */
  createServer(handler: RequestHandler, options: ServerOptions): Server | SecureServer {
    const { tls, clock, logger } = this.#parts
    const listener = contextHandler(guarded(handler, this.#parts), { clock, logger, ...options })
    if (tls === undefined) return createPlainServer(listener)
    const { ca, cert } = tls.current
    if (ca === undefined || cert === undefined) {
      const received = ca === undefined ? 'no authority (ca, caFile)' : 'no certificate (cert, certFile)'
      const problem = { key: 'mesh.tls', expected: 'certificate, key and authority, to serve with mutual TLS', received }
      throw new ConfigurationError(`mesh.tls must have ${problem.expected}, got ${received}`, { problems: [problem] })
    }
    const server = createSecureServer(mutualTlsServerOptions(tls), listener)
    const stops = [followTls(server, tls), auditHandshakes(server, logger)]
    const stop = (): void => {
      this.#stops.delete(stop)
      for (const each of stops) each()
    }
    this.#stops.add(stop)
    server.once('close', stop)
    return server
  }

  /** Certificates are followed no longer. */
  close(): void {
    for (const stop of this.#stops) stop()
  }
}
