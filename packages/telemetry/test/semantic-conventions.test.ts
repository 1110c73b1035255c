import { breaker, bulkhead, constantBackoff, pipeline, retry, timeout } from '@comm/core'
import { HttpClient } from '@comm/http'
import { createLogger } from '@comm/logging'
import { MemoryBroker } from '@comm/messaging'
import { startTelemetry } from '@comm/telemetry'
import { waitFor } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'
import { AggregationTemporality, InMemoryMetricExporter, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { InMemorySpanExporter } from '@opentelemetry/sdk-trace'
import * as conventions from '@opentelemetry/semantic-conventions/incubating'
import { openShop } from './support/shop.ts'

const named = (prefix: string): ReadonlySet<unknown> =>
  new Set(Object.entries(conventions).flatMap(([name, value]) => (name.startsWith(prefix) ? [value] : [])))
const ATTRIBUTES = named('ATTR_')
const METRICS = named('METRIC_')
const OURS = /^comm\./

/** Whatever our packages do while a shop is used: requests that work and that fail, retries, requests and replies, messages that die. */
async function everythingObserved() {
  const spans = new InMemorySpanExporter()
  const metrics = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter: metrics, exportIntervalMillis: 3_600_000 })
  await using telemetry = await startTelemetry({ traces: [spans], metrics: [reader], logs: false })
  const logger = createLogger({ env: {}, destination: () => {} })
  await using broker = new MemoryBroker()
  await using shop = await openShop(broker, logger)
  await shop.client.get('/orders/7')
  await shop.client.request('BREW', '/broken')
  await using nowhere = new HttpClient({ baseUrl: 'http://127.0.0.1:1' })
  await nowhere.get('/').catch(() => undefined)
  await using detailed = new HttpClient({ baseUrl: shop.url, detailedMetrics: true })
  await detailed.get('/orders/7?token=secret')
  await shop.handled
  await broker.respond('sum', (numbers) => (numbers as number[]).reduce((sum, each) => sum + each, 0))
  await broker.request('sum', [1, 2])
  const dead = Promise.withResolvers<void>()
  await broker.subscribe('dead.dying', () => dead.resolve())
  await broker.subscribe(
    'dying',
    () => {
      throw new Error('again and again')
    },
    { group: 'g', retry: { maxAttempts: 2, backoff: constantBackoff({ baseMs: 1 }) } },
  )
  await broker.publish('dying', 1)
  const policies = pipeline([
    retry({ maxRetries: 1, backoff: constantBackoff({ baseMs: 1 }) }),
    breaker({ name: 'b', consecutiveFailures: 1 }),
    bulkhead({ limit: 1, maxQueue: 1 }),
    timeout({ ms: 1000 }),
  ])
  const fail = async (): Promise<void> => {
    throw new Error('down')
  }
  for (const _call of [1, 2, 3]) await policies.run(fail, undefined).catch(() => undefined)
  await shop.payments.takePayment({ orderId: '8', amount: 0 }).catch(() => undefined)
  await waitFor(async () => broker.stats.dead > 0)
  await telemetry.flush()
  const points = metrics
    .getMetrics()
    .flatMap(({ scopeMetrics }) => scopeMetrics)
    .flatMap((scope) => scope.metrics)
    .map(({ descriptor, dataPoints }) => ({ ...descriptor, dataPoints }))
  return { spans: spans.getFinishedSpans(), metrics: points }
}

describe('names by the semantic conventions of OpenTelemetry', () => {
  it('are those of the published package, or begin with comm.', async () => {
    const { spans, metrics } = await everythingObserved()
    const keysOf = (attributes: object): string[] => Object.keys(attributes)
    const seen = new Set([
      ...spans.flatMap(({ attributes }) => keysOf(attributes)),
      ...metrics.flatMap(({ dataPoints }) => dataPoints.flatMap(({ attributes }) => keysOf(attributes))),
    ])
    expect([...seen].filter((key) => !OURS.test(key) && !ATTRIBUTES.has(key))).toEqual([])
    const names = metrics.map(({ name }) => name)
    expect(names.filter((name) => !OURS.test(name) && !METRICS.has(name))).toEqual([])
    for (const expected of [
      'http.client.request.duration',
      'http.server.request.duration',
      'http.server.active_requests',
      'rpc.client.call.duration',
      'rpc.server.call.duration',
      'messaging.client.sent.messages',
      'messaging.client.operation.duration',
      'messaging.client.consumed.messages',
      'messaging.process.duration',
      'comm.breaker.state',
      'comm.retry.retries',
      'comm.messaging.dead',
    ]) {
      expect(names).toContain(expected)
    }
    for (const { name, unit } of metrics.filter((metric) => metric.name.endsWith('.duration'))) {
      expect([name, unit]).toEqual([name, 's'])
    }
  })

  it('hold nothing in metrics that anybody can make up: no path, no query, no id, no reply topic', async () => {
    const { spans, metrics } = await everythingObserved()
    const values = metrics.flatMap(({ dataPoints }) => dataPoints.flatMap(({ attributes }) => Object.values(attributes)))
    expect(values.filter((value) => /\/7|token|reply\.|BREW|broken/.test(String(value)))).toEqual([])
    expect(values).toContain('/orders/{id}')
    expect(spans.map(({ name }) => name)).toContain('GET /orders/{id}')
    expect(values).toContain('_OTHER')
    expect(values).toContain('(temporary)')
    expect(spans.map(({ name }) => name)).toContain('HTTP')
    expect(spans.map(({ name }) => name).filter((name) => /reply\.|BREW|\/\d/.test(name))).toEqual([])
    expect(spans.find(({ attributes }) => attributes['http.request.method'] === '_OTHER')?.attributes).toMatchObject({
      'http.request.method_original': 'BREW',
    })
  })
})
