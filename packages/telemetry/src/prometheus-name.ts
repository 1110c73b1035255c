import { DataPointType, type MetricData } from '@opentelemetry/sdk-metrics'

/** https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/: the unit is a part of the name, annotations are not. */
const SUFFIXES: Readonly<Record<string, string>> = {
  s: 'seconds',
  ms: 'milliseconds',
  us: 'microseconds',
  ns: 'nanoseconds',
  min: 'minutes',
  h: 'hours',
  d: 'days',
  By: 'bytes',
  KiBy: 'kibibytes',
  MiBy: 'mebibytes',
  '%': 'percent',
}

/** With nothing in it that names of metrics and labels may not have. */
export function prometheusWord(name: string): string {
  return name
    .replace(/\W/g, '_')
    .replace(/_{2,}/g, '_')
    .replace(/^(?=\d)/, '_')
}

/** As a collector names it: dashboards must not depend on who was asked. */
export function prometheusName(metric: MetricData): string {
  const { name, unit } = metric.descriptor
  const plain = prometheusWord(name)
  const isCounter = metric.dataPointType === DataPointType.SUM && metric.isMonotonic
  const base = isCounter ? plain.replace(/_total$/, '') : plain
  const suffix = Object.hasOwn(SUFFIXES, unit) ? `_${SUFFIXES[unit]}` : ''
  return `${base}${base.endsWith(suffix) ? '' : suffix}${isCounter ? '_total' : ''}`
}
