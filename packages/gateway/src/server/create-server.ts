import { createServer, type IncomingMessage, Server } from 'node:http'
import { createSecureServer, type Http2SecureServer, type ServerHttp2Session } from 'node:http2'
import { createServer as createHttpsServer } from 'node:https'
import type { Socket } from 'node:net'
import type { SecureContextOf } from './certificate-set.ts'
import type { Certificates } from './tls.ts'

export interface ServerParts {
  readonly maxHeaderBytes: number
  readonly headersTimeoutMs: number
  readonly keepAliveTimeoutMs: number
  readonly certificates: Certificates | undefined
  readonly http2: boolean
  /** Clients are asked for certificates; whether they need one is the routes' business. */
  readonly requestCert: boolean
}

/** A long list of the fields of one request is none of a client that means well. */
const MOST_FIELDS = 200
/** RFC 9113 10.5, and the flood of resets of CVE-2023-44487: more at once is refused. */
const MOST_STREAMS = 250

/** RFC 9110 7.8: an offer of another protocol may be ignored. Some clients make one of h2c with every first request. */
function asksForWebSocket({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket'
}

/** The server that clients speak to: HTTP/1.1, or with certificates HTTP/2 and HTTP/1.1. */
export function serverFor(parts: ServerParts): Server {
  const { maxHeaderBytes, headersTimeoutMs, keepAliveTimeoutMs, certificates, http2, requestCert } = parts
  const options = {
    maxHeaderSize: maxHeaderBytes,
    headersTimeout: headersTimeoutMs,
    keepAliveTimeout: keepAliveTimeoutMs,
    // A long upload is none of a server's business while it moves; the exchange limits its silences.
    requestTimeout: 0,
    connectionsCheckingInterval: Math.min(5000, headersTimeoutMs),
    insecureHTTPParser: false,
    // Its absence is answered by us, as everything that is refused.
    requireHostHeader: false,
    shouldUpgradeCallback: asksForWebSocket,
  }
  if (certificates === undefined) return createServer(options)
  const { servername: _, ...material } = certificates.material
  const secure = {
    ...material,
    minVersion: 'TLSv1.2' as const,
    requestCert,
    rejectUnauthorized: false,
    SNICallback: (name: string, done: (error: null, context: ReturnType<SecureContextOf>) => void) =>
      done(null, certificates.contextFor(name)),
  }
  const server = http2 ? secureHttp2({ ...options, ...secure }) : createHttpsServer({ ...options, ...secure })
  // Clients that name no server get the main one.
  certificates.onChange(({ servername: _name, ...renewed }) => server.setSecureContext(renewed))
  cutHandshakesToo(server as Server)
  return server as unknown as Server
}

/** Node does not know connections whose handshake has not ended, and waits for them when it closes. */
function cutHandshakesToo(server: Server): void {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  const cutKnown = server.closeAllConnections
  server.closeAllConnections = () => {
    cutKnown.call(server)
    for (const socket of sockets) socket.destroy()
  }
}

function secureHttp2(options: Parameters<typeof createSecureServer>[0] & Record<string, unknown>): Http2SecureServer {
  const server = createSecureServer({
    ...options,
    allowHTTP1: true,
    maxHeaderListPairs: MOST_FIELDS,
    settings: { maxConcurrentStreams: MOST_STREAMS, maxHeaderListSize: Number(options['maxHeaderSize']) },
  })
  const sessions = new Set<ServerHttp2Session>()
  server.on('session', (session) => {
    sessions.add(session)
    session.once('close', () => sessions.delete(session))
    session.on('error', () => undefined)
  })
  const { headersTimeout, keepAliveTimeout, maxHeaderSize, requireHostHeader, shouldUpgradeCallback } = options as Record<
    string,
    unknown
  >
  // Node keeps these for HTTP/1.1 beside HTTP/2 on the server itself.
  Object.assign(server, {
    headersTimeout,
    keepAliveTimeout,
    maxHeaderSize,
    requireHostHeader,
    shouldUpgradeCallback,
    requestTimeout: 0,
  })
  Object.assign(server, {
    closeIdleConnections(): void {
      Server.prototype.closeIdleConnections.call(server as never)
      // GOAWAY: streams that are open are finished.
      for (const session of sessions) if (!session.closed) session.close()
    },
    closeAllConnections(): void {
      Server.prototype.closeAllConnections.call(server as never)
      for (const session of sessions) session.destroy()
    },
  })
  return server
}
