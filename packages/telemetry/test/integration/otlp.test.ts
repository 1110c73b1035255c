import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { promisify } from 'node:util'
import { createLogger, type LogEntry } from '@comm/logging'
import type { MessageClient } from '@comm/messaging'
import { KafkaClient } from '@comm/messaging-kafka'
import { RabbitMQClient } from '@comm/messaging-rabbit'
import { RedisStreamsClient } from '@comm/messaging-redis'
import { startTelemetry } from '@comm/telemetry'
import { waitFor } from '@comm/testkit'
import { type ServerName, sharedServer, type TestServer } from '@comm/testkit/servers'
import { describe, expect, it } from '@jest/globals'
import { InMemorySpanExporter, type ReadableSpan } from '@opentelemetry/sdk-trace'
import { otlpReceiver } from '../support/otlp-receiver.ts'
import { openShop, withTenant } from '../support/shop.ts'
import { orderTrace, placed, placedOtlp, traceTree } from '../support/trace-tree.ts'

/** A broker takes its time to start. */
const TIMEOUT_MS = 120_000

describe('OTLP over HTTP', () => {
  it.each<[string, ServerName, (server: TestServer) => MessageClient]>([
    ['RabbitMQ', 'rabbitmq', ({ url }) => new RabbitMQClient({ url })],
    ['Kafka', 'kafka', ({ url }) => new KafkaClient({ hosts: [url] })],
    ['Redis Streams', 'redis', ({ host, port }) => new RedisStreamsClient({ host, port })],
  ])(
    'shows one trace from a request over HTTP, gRPC and %s to the last handler, logs with its ids, and metrics',
    async (_name, server, client) => {
      const found = await sharedServer(server)
      await using collector = await otlpReceiver()
      const entries: LogEntry[] = []
      const inMemory = new InMemorySpanExporter()
      const kept: ReadableSpan[] = []
      const topic = `order.created.${randomUUID()}`
      {
        await using telemetry = await startTelemetry({
          serviceName: 'shop',
          otlp: { endpoint: collector.url, protocol: 'http/json', headers: { authorization: 'Bearer collector' } },
          traces: ['otlp', inMemory],
          metrics: ['otlp'],
          logs: ['otlp'],
        })
        await using broker = client(found)
        const logger = createLogger({ env: {}, destination: (_line, entry) => void entries.push(entry) })
        await using shop = await openShop(broker, logger, topic)
        expect((await withTenant('acme', () => shop.client.get('/orders/7'))).json()).toEqual({ id: 7 })
        expect(await shop.handled).toEqual({ id: 7 })
        expect(Object.fromEntries(shop.tenants)).toEqual({ orders: 'acme', stock: 'acme', payments: 'acme', billing: 'acme' })
        await waitFor(
          async () => {
            await telemetry.flush()
            return inMemory.getFinishedSpans().length >= orderTrace(topic).length
          },
          { what: 'all spans' },
        )
        // Those of an SDK that was shut down are gone.
        kept.push(...inMemory.getFinishedSpans())
      }
      const spans = collector.spans()
      const name = (id: string | undefined): string | undefined => spans.find(({ spanId }) => spanId === id)?.name
      expect(traceTree(kept.map(placed))).toEqual(orderTrace(topic))
      expect(traceTree(spans.map(placedOtlp))).toEqual(orderTrace(topic))
      expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([kept[0]?.spanContext().traceId]))
      const handled = collector.logs().find(({ body }) => body.stringValue === 'order handled')
      const line = entries.find(({ message }) => message === 'order handled')
      expect(handled).toMatchObject({ traceId: spans[0]?.traceId, severityText: 'INFO' })
      expect(name(handled?.spanId)).toBe(`process ${topic}`)
      expect(line).toMatchObject({ trace_id: handled?.traceId, span_id: handled?.spanId })
      expect(collector.metricNames()).toEqual(
        expect.arrayContaining(['http.server.request.duration', 'http.client.request.duration', 'messaging.process.duration']),
      )
      expect([...collector.serviceNames()]).toEqual(['shop'])
      expect(new Set(collector.received.map(({ path }) => path))).toEqual(new Set(['/v1/traces', '/v1/metrics', '/v1/logs']))
      expect(collector.received.every(({ auth }) => auth === 'Bearer collector')).toBe(true)
    },
    TIMEOUT_MS,
  )

  it.each<[string, string]>([
    ['at the end of the program', ''],
    [
      'at SIGTERM, by a lifecycle',
      "process.kill(process.pid, 'SIGTERM'); await new Promise((resolve) => setTimeout(resolve, 20_000))",
    ],
  ])(
    'loses no span %s',
    async (_when, end) => {
      await using collector = await otlpReceiver()
      const program = `
        import { Lifecycle, stopOnSignals } from '@comm/core'
        import { startTelemetry } from '@comm/telemetry'
        import { trace } from '@opentelemetry/api'
        await using telemetry = await startTelemetry({ serviceName: 'batch' })
        const lifecycle = new Lifecycle()
        lifecycle.add({ name: 'telemetry', close: () => telemetry.close() })
        stopOnSignals(lifecycle)
        for (let span = 0; span < 1500; span += 1) trace.getTracer('batch').startSpan('span ' + span).end()
        ${end}`
      const env = {
        PATH: process.env['PATH'],
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
        OTEL_METRICS_EXPORTER: 'none',
        OTEL_LOGS_EXPORTER: 'none',
      }
      await promisify(execFile)(process.execPath, ['--conditions=@comm/source', '--input-type=module', '--eval', program], {
        cwd: import.meta.dirname,
        env,
      })
      expect(new Set(collector.spans().map(({ name }) => name)).size).toBe(1500)
      expect([...collector.serviceNames()]).toEqual(['batch'])
    },
    TIMEOUT_MS,
  )

  it(
    'is protobuf by default',
    async () => {
      await using collector = await otlpReceiver()
      {
        await using _telemetry = await startTelemetry({
          otlp: { endpoint: `${collector.url}/` },
          metrics: false,
          logs: ['otlp'],
          traces: false,
        })
        createLogger({ env: {}, destination: () => {} }).info('hello')
      }
      expect(collector.received).toEqual([
        { path: '/v1/logs', contentType: 'application/x-protobuf', bytes: expect.any(Number), auth: undefined },
      ])
    },
    TIMEOUT_MS,
  )
})
