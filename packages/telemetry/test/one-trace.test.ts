import { createServer } from 'node:http'
import { constantBackoff, retry } from '@comm/core'
import { HttpClient } from '@comm/http'
import { createLogger, type LogEntry } from '@comm/logging'
import { MemoryBroker } from '@comm/messaging'
import { startTelemetry } from '@comm/telemetry'
import { waitFor } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'
import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { InMemorySpanExporter, type ReadableSpan } from '@opentelemetry/sdk-trace'
import { openShop, withTenant } from './support/shop.ts'
import { orderTrace, placed, traceTree } from './support/trace-tree.ts'

/** What `waitFor` takes for not true yet, in place of some spans. */
const NOT_YET = undefined as unknown as readonly ReadableSpan[]

/** Spans that the SDK keeps when it is shut down are gone: they are taken before. */
async function traced(use: (take: () => Promise<readonly ReadableSpan[]>) => Promise<void>): Promise<void> {
  const exporter = new InMemorySpanExporter()
  await using telemetry = await startTelemetry({ serviceName: 'shop', traces: [exporter], metrics: false, logs: false })
  await use(async () => {
    await telemetry.flush()
    return exporter.getFinishedSpans()
  })
}

function keptLogger() {
  const entries: LogEntry[] = []
  return { entries, logger: createLogger({ env: {}, destination: (_line, entry) => void entries.push(entry) }) }
}

describe('one trace', () => {
  it('goes from a request through a gateway and three services, over HTTP and gRPC, and a broker to the handler; log lines bear its ids', async () => {
    await traced(async (take) => {
      const { logger, entries } = keptLogger()
      await using broker = new MemoryBroker()
      await using shop = await openShop(broker, logger)
      const answer = await trace.getTracer('test').startActiveSpan('test', async (span) => {
        const got = await shop.client.get('/orders/7')
        span.end()
        return got
      })
      expect(answer.json()).toEqual({ id: 7 })
      expect(await shop.handled).toEqual({ id: 7 })
      const spans: readonly ReadableSpan[] = await waitFor(async () => {
        const found = await take()
        return found.length >= 10 ? found : NOT_YET
      })
      expect(traceTree(spans.map(placed))).toEqual(['test (internal)', ...orderTrace('order.created').map((line) => `  ${line}`)])
      expect(new Set(spans.map((span) => span.spanContext().traceId)).size).toBe(1)
      const byName = (name: string, kind: SpanKind): ReadableSpan =>
        spans.find((span) => span.name === name && span.kind === kind) as ReadableSpan
      const server = byName('GET /orders/:id', SpanKind.SERVER)
      const stock = byName('GET /stock/:id', SpanKind.SERVER)
      const payment = byName('payments.v1.PaymentService/TakePayment', SpanKind.SERVER)
      const processed = byName('process order.created', SpanKind.CONSUMER)
      const parentOf = ({ parentSpanContext }: ReadableSpan) =>
        spans.find((span) => span.spanContext().spanId === parentSpanContext?.spanId)

      const inner = parentOf(stock) as ReadableSpan
      expect(inner).toMatchObject({
        name: 'GET',
        attributes: {
          'http.request.method': 'GET',
          'http.response.status_code': 200,
          'server.address': '127.0.0.1',
          'server.port': expect.any(Number),
          'url.scheme': 'http',
        },
      })
      expect(inner.attributes['url.full']).toMatch(/\/stock\/7\?token=/)
      expect(JSON.stringify(inner.attributes)).not.toContain('secret')
      expect(server.attributes).toMatchObject({
        'http.request.method': 'GET',
        'http.route': '/orders/:id',
        'url.path': '/orders/7',
        'http.response.status_code': 200,
        'network.protocol.version': '1.1',
        'client.address': expect.stringContaining('127.0.0.1'),
      })

      const ids = (message: string) => {
        const { trace_id, span_id } = entries.find((entry) => entry.message === message) ?? {}
        return [trace_id, span_id]
      }
      const contextOf = (span: ReadableSpan) => [span.spanContext().traceId, span.spanContext().spanId]
      expect(ids('order answered')).toEqual(contextOf(server))
      expect(ids('stock looked up')).toEqual(contextOf(stock))
      expect(ids('payment taken')).toEqual(contextOf(payment))
      expect(ids('order handled')).toEqual(contextOf(processed))
    })
  })

  it('keeps baggage all the way', async () => {
    await traced(async () => {
      await using broker = new MemoryBroker()
      await using shop = await openShop(broker, keptLogger().logger)
      await withTenant('acme', () => shop.client.get('/orders/7'))
      await shop.handled
      expect(Object.fromEntries(shop.tenants)).toEqual({ orders: 'acme', stock: 'acme', payments: 'acme', billing: 'acme' })
    })
  })

  it('shows what failed', async () => {
    await traced(async (take) => {
      await using broker = new MemoryBroker()
      await using shop = await openShop(broker, keptLogger().logger)
      expect((await shop.client.get('/broken')).status).toBe(500)
      const spans: readonly ReadableSpan[] = await waitFor(async () => {
        const found = (await take()).filter(({ attributes }) => attributes['http.response.status_code'] === 500)
        return found.length === 3 ? found : NOT_YET
      })
      for (const { status, attributes } of spans) {
        expect(status.code).toBe(SpanStatusCode.ERROR)
        expect(attributes['error.type']).toBe('500')
      }
    })
  })

  it('has a span for each attempt; what goes out is the attempt, and a header by hand stays', async () => {
    await traced(async (take) => {
      const seen: (string | undefined)[] = []
      const server = createServer((request, response) => {
        seen.push(request.headers['traceparent'] as string | undefined)
        response.writeHead(seen.length === 1 ? 503 : 200).end()
      })
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      const { port } = server.address() as { port: number }
      await using client = new HttpClient({
        baseUrl: `http://127.0.0.1:${port}`,
        policies: [retry({ maxRetries: 1, backoff: constantBackoff({ baseMs: 5 }) })],
      })
      await trace.getTracer('test').startActiveSpan('caller', async (span) => {
        await client.get('/')
        span.end()
      })
      await client.get('/', { headers: { traceparent: 'by hand' } })
      server.close()
      const spans = await take()
      const caller = spans.find(({ name }) => name === 'caller')
      const [first, second] = spans.filter(({ kind }) => kind === SpanKind.CLIENT)
      for (const [at, attempt] of [first, second].entries()) {
        const { traceId, spanId } = attempt?.spanContext() ?? {}
        expect(seen[at]).toBe(`00-${traceId}-${spanId}-01`)
        expect(attempt?.parentSpanContext?.spanId).toBe(caller?.spanContext().spanId)
      }
      expect(first?.attributes).toMatchObject({ 'http.response.status_code': 503, 'error.type': '503' })
      expect(first?.attributes).not.toHaveProperty('http.request.resend_count')
      expect(second?.attributes).toMatchObject({ 'http.response.status_code': 200, 'http.request.resend_count': 1 })
      expect(seen[2]).toBe('by hand')
    })
  })
})
