import { createLogger } from '@comm/logging'
import { MemoryBroker } from '@comm/messaging'
import { startTelemetry } from '@comm/telemetry'
import { describe, expect, it } from '@jest/globals'
import { metrics, trace } from '@opentelemetry/api'
import { InMemorySpanExporter } from '@opentelemetry/sdk-trace'
import { parseOpenMetrics } from './support/open-metrics.ts'
import { parsePrometheus } from './support/prometheus-text.ts'
import { openShop } from './support/shop.ts'

const PROMETHEUS = 'application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3'
const served = { metrics: ['prometheus'], logs: false, prometheus: { port: 0, host: '127.0.0.1' } } as const

async function scraped(url: string | undefined) {
  const answer = await fetch(url as string, { headers: { accept: PROMETHEUS } })
  expect(answer.headers.get('content-type')).toMatch(/^application\/openmetrics-text; version=1\.0\.0/)
  return parseOpenMetrics(await answer.text())
}

describe('exemplars', () => {
  it('lead from each histogram of our packages to the span that was measured', async () => {
    const exporter = new InMemorySpanExporter()
    await using telemetry = await startTelemetry({ ...served, traces: [exporter] })
    await using broker = new MemoryBroker()
    await using shop = await openShop(broker, createLogger({ env: {}, destination: () => {} }))
    await shop.client.get('/orders/7')
    await shop.handled
    await telemetry.flush()
    const { samples, problems } = await scraped(telemetry.prometheusUrl)
    expect(problems).toEqual([])
    const spans = new Map(exporter.getFinishedSpans().map((span) => [span.spanContext().spanId, span]))
    for (const [name, pattern] of [
      ['http_server_request_duration_seconds', /^GET (?:\/|orders$)/],
      ['http_client_request_duration_seconds', /^GET$/],
      ['rpc_server_call_duration_seconds', /TakePayment$/],
      ['rpc_client_call_duration_seconds', /TakePayment$/],
      ['messaging_client_operation_duration_seconds', /^send order\.created$/],
      ['messaging_process_duration_seconds', /^process order\.created$/],
    ] as const) {
      const exemplars = samples.filter((sample) => sample.name === `${name}_bucket`).flatMap(({ exemplar }) => exemplar ?? [])
      expect([name, exemplars.length]).not.toEqual([name, 0])
      for (const { labels } of exemplars) {
        const span = spans.get(labels['span_id'] ?? '')
        expect(span?.spanContext().traceId).toBe(labels['trace_id'])
        expect(span?.name).toMatch(pattern)
      }
    }
  })

  it('are the last of their bucket', async () => {
    await using telemetry = await startTelemetry({ ...served, traces: [new InMemorySpanExporter()] })
    const histogram = metrics.getMeter('test').createHistogram('test.size', { advice: { explicitBucketBoundaries: [1, 10] } })
    trace.getTracer('test').startActiveSpan('s', (span) => {
      for (const value of [0.25, 1, 1.5, 7, 80]) histogram.record(value, { kind: 'a "b"' })
      span.end()
    })
    const { samples, problems } = await scraped(telemetry.prometheusUrl)
    expect(problems).toEqual([])
    const buckets = samples.filter(({ name }) => name === 'test_size_bucket')
    expect(buckets.map(({ labels, value, exemplar }) => [labels['le'], value, exemplar?.value])).toEqual([
      ['1.0', 2, 1],
      ['10.0', 4, 7],
      ['+Inf', 5, 80],
    ])
    expect(buckets[0]?.labels['kind']).toBe('a "b"')
  })

  it('are of recorded traces only, and not in the older format', async () => {
    await using telemetry = await startTelemetry({ ...served, traces: [new InMemorySpanExporter()], sampleRatio: 0 })
    const histogram = metrics.getMeter('test').createHistogram('test.size')
    histogram.record(1)
    trace.getTracer('test').startActiveSpan('s', () => histogram.record(2))
    const { samples } = await scraped(telemetry.prometheusUrl)
    expect(samples.filter(({ exemplar }) => exemplar !== undefined)).toEqual([])
    expect(samples).toContainEqual({ name: 'test_size_count', labels: {}, value: 2, exemplar: undefined })
    const old = await (await fetch(telemetry.prometheusUrl as string)).text()
    expect(parsePrometheus(old).problems).toEqual([])
    expect(old).not.toMatch(/ # |EOF/)
  })

  it('are bounded by the limit of series', async () => {
    await using telemetry = await startTelemetry({ ...served, traces: [new InMemorySpanExporter()], maxSeries: 5 })
    const histogram = metrics.getMeter('test').createHistogram('test.size')
    trace.getTracer('test').startActiveSpan('s', () => {
      for (let user = 0; user < 100; user++) histogram.record(2, { user })
    })
    const { samples, problems } = await scraped(telemetry.prometheusUrl)
    expect(problems).toEqual([])
    const found = samples.filter(({ exemplar }) => exemplar !== undefined)
    expect(found.length).toBeGreaterThan(0)
    expect(found.length).toBeLessThanOrEqual(5)
  })
})
