import { CommunicationError, type Logger } from '@comm/core'
import type { ClientExchange } from '../exchange/client-exchange.ts'

/** One line per request, when its answer is with the client. The query is left out: it may hold secrets. */
export function logAccess(logger: Logger, exchange: ClientExchange): void {
  if (!logger.isEnabled('info')) return
  const { method, pathname, status, correlationId, requestId, route, callFacts: call, peer, asked, error } = exchange
  logger.info(`${method} ${pathname} ${status}`, {
    method,
    path: pathname,
    status,
    durationMs: Math.round(exchange.durationMs * 1000) / 1000,
    bytesSent: exchange.bytesSent,
    bytesReceived: exchange.bytesReceived,
    client: exchange.parts.forwarding.clientOf(peer, asked),
    host: exchange.host,
    protocol: `HTTP/${exchange.request.httpVersion}`,
    correlationId,
    requestId,
    ...(exchange.principal === undefined ? {} : { subject: exchange.principal.subject }),
    ...(route === undefined ? {} : { route: route.name }),
    ...(call === undefined ? {} : { upstream: call.upstream.name, instance: call.instance?.id, attempts: call.attempts }),
    ...(exchange.isAborted ? { aborted: true } : {}),
    ...(error instanceof CommunicationError ? { code: error.code } : {}),
  })
}
