import { GrpcStatusError, type Logger, silentLogger } from '@comm/core'
import { type InProcess, inProcess } from '@comm/grpc'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { context, metrics, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { type Histogram, MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics'
import { InMemorySpanExporter, type ReadableSpan, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { TestServiceDefinition } from './generated/grpc/testing/test.ts'

class PullReader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

const METHOD = 'grpc.testing.TestService/UnaryCall'
const lines: string[] = []
const logger: Logger = { ...silentLogger, isEnabled: () => true, debug: (message) => lines.push(message) }
const exporter = new InMemorySpanExporter()
let pair: InProcess

beforeAll(async () => {
  // Made before the SDK starts, as often happens: what it measures must not stay dead.
  pair = await inProcess(
    (server) =>
      server.add(TestServiceDefinition, {
        async unaryCall({ responseStatus }: { responseStatus?: unknown }) {
          if (responseStatus !== undefined) throw new GrpcStatusError('no order 7', { status: 'NOT_FOUND' })
          return {}
        },
        async *streamingOutputCall() {
          yield {}
          yield {}
        },
      } as never),
    { client: { service: 'orders', logger }, server: { logger } },
  )
  await pair.client.service(TestServiceDefinition).unaryCall({})
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  propagation.setGlobalPropagator(new W3CTraceContextPropagator())
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }))
})

afterAll(async () => {
  await pair[Symbol.asyncDispose]()
  for (const api of [context, propagation, trace, metrics]) api.disable()
})

async function spansOf(run: () => Promise<unknown>): Promise<Readonly<Record<'client' | 'server', ReadableSpan>>> {
  exporter.reset()
  await run().catch(() => undefined)
  const find = (kind: SpanKind): ReadableSpan | undefined => exporter.getFinishedSpans().find((span) => span.kind === kind)
  while (find(SpanKind.SERVER) === undefined || find(SpanKind.CLIENT) === undefined)
    await new Promise((resolve) => setImmediate(resolve))
  return { client: find(SpanKind.CLIENT) as ReadableSpan, server: find(SpanKind.SERVER) as ReadableSpan }
}

describe('spans', () => {
  it('are one trace, named and described by the conventions', async () => {
    const { client, server } = await spansOf(() => pair.client.service(TestServiceDefinition).unaryCall({}))
    expect(server.spanContext().traceId).toBe(client.spanContext().traceId)
    expect(server.parentSpanContext?.spanId).toBe(client.spanContext().spanId)
    expect([client.name, server.name]).toEqual([METHOD, METHOD])
    expect(client.attributes).toEqual({
      'rpc.system.name': 'grpc',
      'rpc.method': METHOD,
      'server.address': 'orders',
      'rpc.response.status_code': 'OK',
    })
    expect(client.status.code).toBe(SpanStatusCode.UNSET)
  })

  it('of a status that is the caller’s fault fail on the client alone', async () => {
    const failing = { responseStatus: { code: 5, message: '' } }
    const { client, server } = await spansOf(() => pair.client.service(TestServiceDefinition).unaryCall(failing))
    expect(client.attributes).toMatchObject({ 'rpc.response.status_code': 'NOT_FOUND', 'error.type': 'NOT_FOUND' })
    expect([client.status.code, server.status.code]).toEqual([SpanStatusCode.ERROR, SpanStatusCode.UNSET])
  })

  it('of a stream end with it', async () => {
    const { client } = await spansOf(async () => {
      for await (const _ of pair.client.service(TestServiceDefinition).streamingOutputCall({}))
        expect(exporter.getFinishedSpans()).toEqual([])
    })
    expect(client.attributes).toMatchObject({ 'rpc.response.status_code': 'OK' })
  })
})

describe('metrics', () => {
  it('count and time every call, by method and status', async () => {
    const reader = new PullReader()
    metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }))
    const { unaryCall } = pair.client.service(TestServiceDefinition)
    await unaryCall({})
    await unaryCall({})
    await unaryCall({ responseStatus: { code: 5, message: '' } }).catch(() => undefined)
    const { resourceMetrics } = await reader.collect()
    const measured = resourceMetrics.scopeMetrics.flatMap(({ metrics: all }) => all)
    const counts = Object.fromEntries(
      measured.map(({ descriptor, dataPoints }) => [
        descriptor.name,
        Object.fromEntries(
          dataPoints.map(({ attributes, value }) => [attributes['rpc.response.status_code'], (value as Histogram).count]),
        ),
      ]),
    )
    expect(counts).toEqual({
      'rpc.client.call.duration': { OK: 2, NOT_FOUND: 1 },
      'rpc.server.call.duration': { OK: 2, NOT_FOUND: 1 },
    })
    expect(measured.every(({ descriptor }) => descriptor.unit === 's')).toBe(true)
  })
})

describe('log lines', () => {
  it('say how each call ended', () => {
    expect(lines).toContain(`${METHOD} was answered OK`)
    expect(lines).toContain(`${METHOD} was answered NOT_FOUND`)
    expect(lines).toContain(`${METHOD} of orders failed`)
  })
})
