import type { IncomingMessage, ServerResponse } from 'node:http'
import { TLSSocket } from 'node:tls'
import type { Clock } from '@comm/core'
import { DURATION_BUCKETS, perMeterProvider, runningTracer } from '@comm/core/telemetry'
import {
  type Attributes,
  type Context,
  type Histogram,
  type Meter,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  type UpDownCounter,
} from '@opentelemetry/api'
import { knownMethod, methodInName, originalMethod } from '../telemetry/attributes.ts'
import { routeOf } from './route.ts'

const SCOPE = '@comm/http'
const LONGEST_TEXT = 256

interface Instruments {
  readonly duration: Histogram
  readonly active: UpDownCounter
}

const instruments: () => Instruments | undefined = perMeterProvider(SCOPE, (meter: Meter) => ({
  duration: meter.createHistogram('http.server.request.duration', {
    unit: 's',
    description: 'HTTP requests, from their headers to the end of the answer.',
    advice: { explicitBucketBoundaries: [...DURATION_BUCKETS] },
  }),
  active: meter.createUpDownCounter('http.server.active_requests', {
    unit: '{request}',
    description: 'HTTP requests being answered.',
  }),
}))

/**
 * Counts, times and traces a request by the semantic conventions for HTTP servers, until its answer is sent or its client is gone. A
 * request that an instrumentation has made a span for gets no second one. Costs next to nothing while no OpenTelemetry SDK runs.
 *
 * @param parent the trace that the caller is in
 * @returns the context of everything that the request causes
 */
export function observeRequest(request: IncomingMessage, response: ServerResponse, parent: Context, clock: Clock): Context {
  const measured = instruments()
  const hasSpan = trace.getSpan(parent) !== undefined && trace.getSpanContext(parent)?.isRemote !== true
  const tracing = hasSpan ? undefined : runningTracer(SCOPE)
  if (measured === undefined && tracing === undefined) return parent
  const startedAt = clock.now()
  const method = request.method ?? ''
  const attributes: Attributes = {
    'http.request.method': knownMethod(method),
    'url.scheme': request.socket instanceof TLSSocket ? 'https' : 'http',
  }
  measured?.active.add(1, { ...attributes })
  const span = tracing?.startSpan(methodInName(method), { kind: SpanKind.SERVER, attributes }, parent)
  if (span?.isRecording()) describe(span, request)
  const within = span === undefined ? parent : trace.setSpan(parent, span)
  response.once('close', () => {
    measured?.active.add(-1, { ...attributes })
    Object.assign(attributes, outcomeOf(request, response))
    measured?.duration.record((clock.now() - startedAt) / 1000, attributes, within)
    if (span !== undefined) end(span, method, attributes)
  })
  return within
}

function outcomeOf(request: IncomingMessage, response: ServerResponse): Attributes {
  const route = routeOf(request)
  const { statusCode, headersSent, writableFinished } = response
  return {
    'network.protocol.version': request.httpVersion,
    ...(route === undefined ? {} : { 'http.route': route }),
    ...(headersSent ? { 'http.response.status_code': statusCode } : {}),
    ...(headersSent && statusCode >= 500 ? { 'error.type': String(statusCode) } : {}),
    // The client went away, or the answer broke off.
    ...(writableFinished ? {} : { 'error.type': 'COMM_ABORTED' }),
  }
}

function describe(span: Span, request: IncomingMessage): void {
  const { 'user-agent': userAgent } = request.headers
  const { remoteAddress } = request.socket
  span.setAttributes({
    ...originalMethod(request.method ?? ''),
    'url.path': (request.url ?? '').split('?', 1)[0]?.slice(0, LONGEST_TEXT) ?? '',
    ...(userAgent === undefined ? {} : { 'user_agent.original': userAgent.slice(0, LONGEST_TEXT) }),
    ...(remoteAddress === undefined ? {} : { 'client.address': remoteAddress }),
  })
}

function end(span: Span, method: string, attributes: Attributes): void {
  if (span.isRecording()) {
    const route = attributes['http.route']
    if (typeof route === 'string') span.updateName(`${methodInName(method)} ${route}`)
    span.setAttributes(attributes)
    if (Number(attributes['http.response.status_code']) >= 500) span.setStatus({ code: SpanStatusCode.ERROR })
  }
  span.end()
}
