import type { Attributes, AttributeValue } from '@opentelemetry/api'
import { type DataPoint, DataPointType, type Histogram, type MetricData, type ResourceMetrics } from '@opentelemetry/sdk-metrics'
import type { Exemplar, Exemplars } from './exemplars.ts'
import { prometheusName, prometheusWord } from './prometheus-name.ts'

/** `text` is version 0.0.4 of Prometheus' own format, which knows no exemplars; `openmetrics` is OpenMetrics 1.0. */
export type PrometheusFormat = 'text' | 'openmetrics'

interface Family {
  readonly type: string
  readonly help: string
  readonly samples: string[]
}

/**
 * All metrics, by https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/. Metrics of a name and a type are one family,
 * whichever package they are of; one of the same name and another type is left out.
 */
export function prometheusText(
  { resource, scopeMetrics }: ResourceMetrics,
  format: PrometheusFormat,
  exemplars: Exemplars,
  leftOut: (name: string, why: string) => void,
): string {
  const isOpen = format === 'openmetrics'
  const families = new Map<string, Family>([
    [
      isOpen ? 'target' : 'target_info',
      {
        type: isOpen ? 'info' : 'gauge',
        help: 'Target metadata',
        samples: [sample('target_info', labels(resource.attributes), 1)],
      },
    ],
  ])
  for (const { scope, metrics } of scopeMetrics) {
    for (const metric of metrics) {
      const type = typeOf(metric)
      const name = prometheusName(metric)
      const familyName = isOpen && type === 'counter' ? name.replace(/_total$/, '') : name
      const family = families.get(familyName) ?? { type: type ?? '', help: metric.descriptor.description, samples: [] }
      if (type === undefined || family.type !== type) {
        leftOut(
          metric.descriptor.name,
          type === undefined ? 'Prometheus has no such type' : `it is a ${type}, another is a ${family.type}`,
        )
        continue
      }
      families.set(familyName, family)
      const of = (attributes: Attributes): readonly (Exemplar | undefined)[] =>
        isOpen ? exemplars.of(scope.name, metric.descriptor.name, attributes) : []
      family.samples.push(...samplesOf(metric, name, isOpen, of))
    }
  }
  const text = [...families].map(([name, { type, help, samples }]) => {
    const about = help === '' ? '' : `# HELP ${name} ${isOpen ? escaped(help) : escapedHelp(help)}\n`
    return `${about}# TYPE ${name} ${type}\n${samples.join('')}`
  })
  return `${text.join('')}${isOpen ? '# EOF\n' : ''}`
}

function typeOf(metric: MetricData): 'counter' | 'gauge' | 'histogram' | undefined {
  if (metric.dataPointType === DataPointType.HISTOGRAM) return 'histogram'
  if (metric.dataPointType === DataPointType.GAUGE) return 'gauge'
  if (metric.dataPointType === DataPointType.SUM) return metric.isMonotonic ? 'counter' : 'gauge'
  return undefined
}

type ExemplarsOf = (attributes: Attributes) => readonly (Exemplar | undefined)[]

function samplesOf(metric: MetricData, name: string, isOpen: boolean, exemplarsOf: ExemplarsOf): readonly string[] {
  if (metric.dataPointType === DataPointType.HISTOGRAM) {
    return metric.dataPoints.flatMap((point) => bucketsOf(point, name, isOpen, exemplarsOf(point.attributes)))
  }
  if (metric.dataPointType === DataPointType.EXPONENTIAL_HISTOGRAM) return []
  return metric.dataPoints.map(({ attributes, value }) => sample(name, labels(attributes), value))
}

function bucketsOf(
  { attributes, value: { buckets, count, sum } }: DataPoint<Histogram>,
  name: string,
  isOpen: boolean,
  exemplars: readonly (Exemplar | undefined)[],
): readonly string[] {
  const own = labels(attributes)
  const { boundaries } = buckets
  let upTo = 0
  const lines = buckets.counts.map((within, at) => {
    upTo += within
    const bound = boundaries[at] ?? Number.POSITIVE_INFINITY
    // A view may have given it other boundaries than the exemplar was noted by.
    const found = exemplars.find(
      (each) => each !== undefined && each.value <= bound && each.value > (boundaries[at - 1] ?? Number.NEGATIVE_INFINITY),
    )
    return sample(`${name}_bucket`, [...own, `le="${isOpen ? withPoint(bound) : text(bound)}"`], upTo, found)
  })
  lines.push(sample(`${name}_count`, own, count))
  if (sum !== undefined) lines.push(sample(`${name}_sum`, own, sum))
  return lines
}

function sample(name: string, labels: readonly string[], value: number, exemplar?: Exemplar): string {
  const at = labels.length === 0 ? '' : `{${labels.join(',')}}`
  const from =
    exemplar === undefined
      ? ''
      : ` # {trace_id="${exemplar.traceId}",span_id="${exemplar.spanId}"} ${text(exemplar.value)} ${exemplar.at / 1000}`
  return `${name}${at} ${text(value)}${from}\n`
}

/** Attributes whose names become the same are one label, as the specification has it. */
function labels(attributes: Attributes): readonly string[] {
  const found = new Map<string, string>()
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined) continue
    const name = prometheusWord(key)
    const before = found.get(name)
    const shown = textOf(value)
    found.set(name, before === undefined ? shown : `${before};${shown}`)
  }
  return [...found].map(([name, value]) => `${name}="${escaped(value)}"`)
}

function textOf(value: AttributeValue): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function text(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value)
}

/** OpenMetrics has bounds as floats: `1.0`. */
function withPoint(bound: number): string {
  return Number.isInteger(bound) && Math.abs(bound) < 1e21 ? `${bound}.0` : text(bound)
}

function escapedHelp(value: string): string {
  return value.replace(/\\/g, '\\\\').replace(/\n/g, '\\n')
}

function escaped(value: string): string {
  return escapedHelp(value).replace(/"/g, '\\"')
}
