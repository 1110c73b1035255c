import { runningTracer } from '@comm/core/telemetry'
import { methodInName, observedMethod } from '@comm/http/server'
import {
  type Attributes,
  type Context,
  context,
  propagation,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import type { ClientExchange } from '../exchange/client-exchange.ts'
import { routeAttributes } from './route-attributes.ts'

const SCOPE = '@comm/gateway'
const LONGEST_TEXT = 256

export interface RequestSpan {
  readonly span: Span
  /** Of everything that the request causes. */
  readonly context: Context
}

/**
 * Begins the span of a request by the semantic conventions for HTTP servers, as part of the trace that the client names. Undefined while no
 * OpenTelemetry SDK runs: what the client says of its trace goes on as it is then.
 */
export function spanOf({ method, request, peer }: ClientExchange): RequestSpan | undefined {
  const tracer = runningTracer(SCOPE)
  if (tracer === undefined) return undefined
  const active = context.active()
  // Of an instrumentation that was there before us.
  const parent = trace.getSpan(active) === undefined ? propagation.extract(active, request.headers) : active
  const attributes: Attributes = { ...observedMethod(method), 'url.scheme': peer.scheme }
  const span = tracer.startSpan(methodInName(method), { kind: SpanKind.SERVER, attributes }, parent)
  return { span, context: trace.setSpan(parent, span) }
}

/** Ends it with what became of the request. */
export function endSpan({ span }: RequestSpan, exchange: ClientExchange): void {
  if (span.isRecording()) {
    span.setAttributes(attributesOf(exchange))
    if (exchange.route !== undefined) span.updateName(`${methodInName(exchange.method)} ${exchange.route.pattern.text}`)
    if (exchange.error instanceof Error) span.recordException(exchange.error)
    if (exchange.status >= 500) span.setStatus({ code: SpanStatusCode.ERROR })
  }
  span.end()
}

/** The service becomes part of the trace. @param fields names and values in turn; those of the client's own span are replaced */
export function continueTrace(fields: string[], within: Context): void {
  const made: Record<string, string> = {}
  propagation.inject(within, made)
  for (let at = fields.length - 2; at >= 0; at -= 2) {
    if ((fields[at] as string).toLowerCase() in made) fields.splice(at, 2)
  }
  for (const [name, value] of Object.entries(made)) fields.push(name, value)
}

function attributesOf(exchange: ClientExchange): Attributes {
  const { status, route, callFacts: call, request, pathname, parts, peer, asked, isAborted } = exchange
  const userAgent = request.headers['user-agent']
  return {
    'url.path': pathname.slice(0, LONGEST_TEXT),
    'client.address': parts.forwarding.clientOf(peer, asked),
    'network.protocol.version': request.httpVersion,
    ...(userAgent === undefined ? {} : { 'user_agent.original': userAgent.slice(0, LONGEST_TEXT) }),
    ...routeAttributes(route),
    ...(status === 0 ? {} : { 'http.response.status_code': status }),
    ...(status >= 500 ? { 'error.type': String(status) } : {}),
    ...(isAborted ? { 'error.type': 'COMM_ABORTED' } : {}),
    ...(call === undefined ? {} : { 'comm.gateway.upstream': call.upstream.name, 'comm.gateway.attempts': call.attempts }),
  }
}
