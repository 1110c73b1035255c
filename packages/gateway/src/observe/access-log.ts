import { CommunicationError, type Logger } from '@comm/core'
import type { ClientExchange } from '../exchange/client-exchange.ts'
import { RequestBody } from '../message/request-body.ts'

/** One line per request, when its answer is with the client. The query is left out: it may hold secrets. */
export function logAccess(logger: Logger, exchange: ClientExchange): void {
  if (!logger.isEnabled('info')) return
  const { method, pathname, status, correlationId, requestId, route, call, peer, asked, error } = exchange
  logger.info(`${method} ${pathname} ${status}`, {
    method,
    path: pathname,
    status,
    durationMs: Math.round(exchange.durationMs * 1000) / 1000,
    bytesSent: exchange.bytesSent,
    bytesReceived: bytesReceived(exchange),
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

function bytesReceived({ body }: ClientExchange): number {
  if (body === undefined) return 0
  return body instanceof RequestBody ? body.bytesRead : body.byteLength
}
