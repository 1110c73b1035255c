import { waitFor } from '@comm/testkit'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { InMemorySpanExporter, type ReadableSpan, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { echo, gatewayFor, type Seen, service } from './support/services.ts'

const PARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
const exporter = new InMemorySpanExporter()

async function onlySpan(): Promise<ReadableSpan> {
  await waitFor(() => exporter.getFinishedSpans().length > 0, { what: 'a span' })
  const [span, ...others] = exporter.getFinishedSpans()
  expect(others).toEqual([])
  return span as ReadableSpan
}

describe('without an SDK', () => {
  it('what the client says of its trace goes on as it is', async () => {
    await using users = await service(echo)
    await using gateway = await gatewayFor({ services: { users: { url: users.url, path: '/users' } } })
    const seen = (await (await fetch(`${gateway.url}/users`, { headers: { traceparent: PARENT } })).json()) as Seen
    expect(seen.headers['traceparent']).toBe(PARENT)
  })
})

describe('a request that is traced', () => {
  beforeAll(() => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
    propagation.setGlobalPropagator(new W3CTraceContextPropagator())
    trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }))
  })
  afterAll(() => {
    for (const api of [context, propagation, trace]) api.disable()
  })
  beforeEach(() => exporter.reset())

  it('is a span in the trace of the client, and the service goes on from it', async () => {
    await using users = await service(echo)
    await using gateway = await gatewayFor({ services: { 'user-service': users.url } })
    const answer = await fetch(`${gateway.url}/api/v1/users/7?a=b`, { headers: { Traceparent: PARENT, tracestate: 'a=1' } })
    const { headers } = (await answer.json()) as Seen
    const span = await onlySpan()
    const { traceId, spanId } = span.spanContext()
    expect(headers).toMatchObject({ traceparent: `00-${traceId}-${spanId}-01`, tracestate: 'a=1' })
    expect([traceId, span.parentSpanContext?.spanId]).toEqual(['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331'])
    expect([span.kind, span.name]).toEqual([SpanKind.SERVER, 'GET /api/v1/users/*'])
    expect(span.attributes).toMatchObject({
      'http.route': '/api/v1/users/*',
      'comm.gateway.route': 'user-service',
      'http.request.method': 'GET',
      'http.response.status_code': 200,
      'url.scheme': 'http',
      'url.path': '/api/v1/users/7',
      'client.address': '127.0.0.1',
      'network.protocol.version': '1.1',
      'comm.gateway.upstream': 'user-service',
      'comm.gateway.attempts': 1,
    })
  })

  it('tells what went wrong, and what the steps of the route do is part of it', async () => {
    const inside: (string | undefined)[] = []
    await using gateway = await gatewayFor({
      services: { gone: { url: 'http://127.0.0.1:1', path: false, retry: false } },
      routes: [
        {
          path: '/gone',
          service: 'gone',
          auth: () => {
            inside.push(trace.getActiveSpan()?.spanContext().spanId)
            return undefined
          },
        },
      ],
    })
    expect((await fetch(`${gateway.url}/gone`)).status).toBe(502)
    const span = await onlySpan()
    expect(inside).toEqual([span.spanContext().spanId])
    expect(span.attributes).toMatchObject({ 'http.response.status_code': 502, 'error.type': '502', 'http.route': '/gone' })
    expect(span.attributes).not.toHaveProperty('comm.gateway.route')
    expect(span.status.code).toBe(SpanStatusCode.ERROR)
    expect(span.events.map(({ name }) => name)).toEqual(['exception'])
  })

  it('names no path that has no route', async () => {
    await using users = await service(echo)
    await using gateway = await gatewayFor({ services: { 'user-service': users.url } })
    expect((await fetch(`${gateway.url}/secret-path`)).status).toBe(404)
    const span = await onlySpan()
    expect([span.name, span.attributes['http.response.status_code'], span.status.code]).toEqual([
      'GET',
      404,
      SpanStatusCode.UNSET,
    ])
  })
})
