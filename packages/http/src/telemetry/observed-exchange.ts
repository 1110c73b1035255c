import { type Call, HttpStatusError } from '@comm/core'
import { DURATION_BUCKETS, errorType, perMeterProvider, runningTracer } from '@comm/core/telemetry'
import {
  type Attributes,
  type Context,
  context,
  type Histogram,
  propagation,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import { urlAt } from '../balancing/instance-url.ts'
import { setAbsent } from '../context-headers.ts'
import type { Exchange } from '../exchange.ts'
import type { HttpRequest } from '../request.ts'
import { displayUrl } from '../url.ts'
import { knownMethod, methodInName, originalMethod, portOf } from './attributes.ts'
import { pathTemplate } from './path-template.ts'

const SCOPE = '@comm/http'

const requestDuration: () => Histogram | undefined = perMeterProvider(SCOPE, (meter) =>
  meter.createHistogram('http.client.request.duration', {
    unit: 's',
    description: 'Attempts of HTTP requests, until the answer is there; of a stream, until its headers are.',
    advice: { explicitBucketBoundaries: [...DURATION_BUCKETS] },
  }),
)

/**
 * What the spans of the attempts of a call made now are children of; undefined while nobody traces. A later attempt may be started from
 * where the context is another one.
 */
export function parentOfAttempts(): Context | undefined {
  return runningTracer(SCOPE) === undefined ? undefined : context.active()
}

/**
 * Times and traces each attempt by the semantic conventions for HTTP clients; the trace context that goes out is that of the attempt. Costs
 * next to nothing while no OpenTelemetry SDK runs.
 *
 * @param isDetailed spans and metrics name the path too
 */
export function observedExchange(next: Exchange, isDetailed = false): Exchange {
  return (request, call) => {
    const duration = requestDuration()
    const tracing = runningTracer(SCOPE)
    if (duration === undefined && tracing === undefined) return next(request, call)
    const { clock } = call
    const startedAt = clock.now()
    const attributes = commonAttributes(request)
    const template = isDetailed ? pathTemplate(request.url.pathname) : undefined
    if (template !== undefined) attributes['url.template'] = template
    const { parent = context.active() } = request
    const name = template === undefined ? methodInName(request.method) : `${methodInName(request.method)} ${template}`
    const span = tracing?.startSpan(name, { kind: SpanKind.CLIENT, attributes }, parent)
    if (span?.isRecording()) describe(span, request, call)
    const active = span === undefined ? parent : trace.setSpan(parent, span)
    const outcome = span === undefined ? next(request, call) : within(active, next, request, call)
    return outcome.then(
      (answer) => {
        finish(answer.status, undefined)
        return answer
      },
      (error: unknown) => {
        finish(error instanceof HttpStatusError ? error.status : undefined, error)
        throw error
      },
    )

    function finish(status: number | undefined, error: unknown): void {
      if (status !== undefined) attributes['http.response.status_code'] = status
      if (error !== undefined) attributes['error.type'] = status === undefined ? errorType(error) : String(status)
      duration?.record((clock.now() - startedAt) / 1000, attributes, active)
      if (span === undefined) return
      if (span.isRecording()) end(span, status, error)
      span.end()
    }
  }
}

function within(active: Context, next: Exchange, request: HttpRequest, call: Call): ReturnType<Exchange> {
  const headers: Record<string, string> = { ...request.headers }
  propagation.inject(active, headers, { set: setAbsent })
  return context.with(active, next, undefined, { ...request, headers }, call)
}

/** Of the metric and of the span: a service's name in place of its instances, no path, no query. */
function commonAttributes({ method, url }: HttpRequest): Attributes {
  const port = portOf(url)
  return {
    'http.request.method': knownMethod(method),
    'server.address': url.hostname,
    ...(port === undefined ? {} : { 'server.port': port }),
    'url.scheme': url.protocol.slice(0, -1),
  }
}

function describe(span: Span, request: HttpRequest, call: Call): void {
  const url = urlAt(request, call.target)
  const resends = call.attempt - 1 + request.attemptsBefore
  span.setAttributes({
    ...originalMethod(request.method),
    'url.full': displayUrl(url),
    ...(request.service === undefined ? {} : { 'network.peer.address': url.hostname, 'network.peer.port': portOf(url) ?? 0 }),
    ...(resends > 0 ? { 'http.request.resend_count': resends } : {}),
  })
}

function end(span: Span, status: number | undefined, error: unknown): void {
  if (status !== undefined) span.setAttribute('http.response.status_code', status)
  if (error === undefined) return
  span.setAttribute('error.type', status === undefined ? errorType(error) : String(status))
  span.setStatus(
    status === undefined && error instanceof Error
      ? { code: SpanStatusCode.ERROR, message: error.message }
      : { code: SpanStatusCode.ERROR },
  )
}
