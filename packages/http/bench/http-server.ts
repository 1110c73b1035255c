import { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { systemClock } from '@comm/core'
import { context, propagation, trace } from '@opentelemetry/api'
import { observeRequest } from '../src/server/observed-request.ts'
import { setRoute } from '../src/server/route.ts'

/** What each incoming request has: the trace of its caller, span and duration. The context that it runs in is not the SDK's alone. */
export function instrumentation(observed: boolean, traceparent: (at: number) => string): (at: number) => unknown {
  const response = Object.assign(new EventEmitter(), { statusCode: 200, headersSent: true, writableFinished: true })
  const request = { method: 'GET', url: '/orders/7', httpVersion: '1.1', socket: { remoteAddress: '127.0.0.1' } }
  return (at) => {
    const incoming = {
      ...request,
      headers: { host: 'orders:8080', traceparent: traceparent(at) },
    } as unknown as IncomingMessage
    if (observed) {
      const outer = context.active()
      const within = trace.getSpan(outer) === undefined ? propagation.extract(outer, incoming.headers) : outer
      observeRequest(incoming, response as unknown as ServerResponse, within, systemClock)
      setRoute(incoming, '/orders/:id')
    }
    response.emit('close')
  }
}
