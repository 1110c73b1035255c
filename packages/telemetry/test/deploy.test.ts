import { readdirSync, readFileSync } from 'node:fs'
import { pipeline, retry } from '@comm/core'
import { measurePolicies } from '@comm/core/telemetry'
import { createLogger } from '@comm/logging'
import { MemoryBroker } from '@comm/messaging'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { createNoopMeter, type Meter, type MetricOptions, metrics } from '@opentelemetry/api'
import { parse } from 'yaml'
import { openShop } from './support/shop.ts'

const deploy = new URL('../../../deploy/', import.meta.url)
const read = (path: string): string => readFileSync(new URL(path, deploy), 'utf8')

/** Every instrument that our packages make, by its name in Prometheus. */
const known = new Set(['target_info'])

/** A meter provider that measures nothing and notes what is asked of it. */
function noting() {
  const noop = createNoopMeter()
  const note = (name: string, { unit }: MetricOptions = {}, isCounter = false): void => {
    const plain = name.replaceAll('.', '_') + (unit === 's' ? '_seconds' : '')
    known.add(isCounter ? `${plain}_total` : plain)
  }
  const meter: Meter = {
    ...noop,
    createCounter(name, options) {
      note(name, options, true)
      return noop.createCounter(name)
    },
    createHistogram(name, options) {
      note(name, options)
      return noop.createHistogram(name)
    },
    createUpDownCounter(name, options) {
      note(name, options)
      return noop.createUpDownCounter(name)
    },
    createObservableGauge(name, options) {
      note(name, options)
      return noop.createObservableGauge(name)
    },
    createObservableUpDownCounter(name, options) {
      note(name, options)
      return noop.createObservableUpDownCounter(name)
    },
    addBatchObservableCallback: () => undefined,
    removeBatchObservableCallback: () => undefined,
  }
  return { getMeter: () => meter }
}

beforeAll(async () => {
  metrics.setGlobalMeterProvider(noting())
  const stop = measurePolicies()
  await pipeline([retry()]).run(async () => 1, undefined)
  await using broker = new MemoryBroker()
  await using shop = await openShop(broker, createLogger({ env: {}, destination: () => {} }))
  await shop.client.get('/orders/7')
  await shop.handled
  stop()
}, 180_000)
afterAll(() => metrics.disable())

/** Names of metrics in a PromQL expression. */
function namesIn(expression: string): readonly string[] {
  const withoutLabels = expression.replace(/\{[^}]*\}/g, '').replace(/\b(?:by|on)\s*\([^)]*\)/g, '')
  return (withoutLabels.match(/\b(?:http|messaging|comm|target)_\w+/g) ?? []).map((name) =>
    name.replace(/_(?:bucket|count|sum)$/, ''),
  )
}

interface Panel {
  readonly title: string
  readonly type: string
  readonly description?: string
  readonly targets?: readonly { readonly expr: string }[]
}

describe.each(readdirSync(new URL('grafana/dashboards/', deploy)))('the dashboard %s', (file) => {
  const { panels, title } = JSON.parse(read(`grafana/dashboards/${file}`)) as { panels: readonly Panel[]; title: string }

  it('shows metrics that our packages have', () => {
    const names = panels.flatMap(({ targets = [] }) => targets.flatMap(({ expr }) => namesIn(expr)))
    expect(names.length).toBeGreaterThan(10)
    expect(names.filter((name) => !known.has(name))).toEqual([])
    expect(title).toMatch(/^comm /)
  })

  it('says in each panel what it shows', () => {
    const mute = panels.filter(
      ({ type, targets = [], description = '' }) => type !== 'row' && (targets.length === 0 || description === ''),
    )
    expect(mute).toEqual([])
  })
})

describe('the alert rules', () => {
  const { groups } = parse(read('prometheus/alerts.yml')) as {
    groups: { rules: { alert: string; expr: string; annotations: { summary: string } }[] }[]
  }
  const rules = groups.flatMap((group) => group.rules)

  it.each(rules.map(({ alert, expr }) => [alert, expr]))('%s watches metrics that our packages have', (_alert, expr) => {
    const names = namesIn(expr)
    expect(names.length).toBeGreaterThan(0)
    expect(names.filter((name) => !known.has(name))).toEqual([])
  })
})

describe('docker-compose', () => {
  it('gives Grafana the dashboards and Prometheus the rules', () => {
    const { services } = parse(read('../docker-compose.yml')) as { services: Record<string, { volumes?: readonly string[] }> }
    const mounted = (service: string): string => (services[service]?.volumes ?? []).join(' ')
    const provider = parse(read('grafana/provisioning/dashboards/dashboards.yaml')) as {
      providers: { options: { path: string } }[]
    }
    expect(mounted('grafana')).toContain(`./deploy/grafana/dashboards:${provider.providers[0]?.options.path}:ro`)
    expect(mounted('prometheus')).toContain('./deploy/prometheus:/etc/prometheus:ro')
    expect((parse(read('prometheus/prometheus.yml')) as { rule_files: string[] }).rule_files).toEqual(['alerts.yml'])
  })
})
