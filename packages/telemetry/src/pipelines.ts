import type { LogRecordProcessor } from '@opentelemetry/sdk-logs'
import { BatchLogRecordProcessor, ConsoleLogRecordExporter, SimpleLogRecordProcessor } from '@opentelemetry/sdk-logs'
import { ConsoleMetricExporter, type IMetricReader, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { BatchSpanProcessor, ConsoleSpanExporter, SimpleSpanProcessor, type SpanProcessor } from '@opentelemetry/sdk-trace'
import type { ResolvedTelemetry } from './options.ts'
import { otlpExporters } from './otlp.ts'
import { type Prometheus, prometheus } from './prometheus.ts'
import { exportersFromEnv } from './signals.ts'

type Otlp = ReturnType<typeof otlpExporters>

/** What becomes of spans, metrics and logs; empty: nothing. */
export interface Pipelines {
  readonly spans: readonly SpanProcessor[]
  readonly readers: readonly IMetricReader[]
  readonly logs: readonly LogRecordProcessor[]
  readonly prometheus: Prometheus | undefined
}

export async function pipelinesOf(options: ResolvedTelemetry): Promise<Pipelines> {
  const otlp = otlpExporters(options.otlp)
  const [spans, { readers, prometheus }, logs] = await Promise.all([
    spanProcessors(options, otlp),
    metricReaders(options, otlp),
    logProcessors(options, otlp),
  ])
  return { spans, readers, logs, prometheus }
}

async function spanProcessors({ traces }: ResolvedTelemetry, otlp: Otlp): Promise<readonly SpanProcessor[]> {
  if (traces === false) return []
  const exporters = traces ?? exportersFromEnv('OTEL_TRACES_EXPORTER', ['otlp', 'console']) ?? []
  return Promise.all(
    exporters.map(async (exporter) => {
      if (exporter === 'console') return new SimpleSpanProcessor({ exporter: new ConsoleSpanExporter() })
      return new BatchSpanProcessor({ exporter: exporter === 'otlp' ? await otlp.traces() : exporter })
    }),
  )
}

async function logProcessors({ logs }: ResolvedTelemetry, otlp: Otlp): Promise<readonly LogRecordProcessor[]> {
  if (logs === false) return []
  const exporters = logs ?? exportersFromEnv('OTEL_LOGS_EXPORTER', ['otlp', 'console']) ?? []
  return Promise.all(
    exporters.map(async (exporter) => {
      if (exporter === 'console') return new SimpleLogRecordProcessor({ exporter: new ConsoleLogRecordExporter() })
      return new BatchLogRecordProcessor({ exporter: exporter === 'otlp' ? await otlp.logs() : exporter })
    }),
  )
}

async function metricReaders(options: ResolvedTelemetry, otlp: Otlp): Promise<Pick<Pipelines, 'readers' | 'prometheus'>> {
  if (options.metrics === false) return { readers: [], prometheus: undefined }
  const exporters = options.metrics ?? exportersFromEnv('OTEL_METRICS_EXPORTER', ['otlp', 'prometheus', 'console']) ?? []
  const exportIntervalMillis = options.metricIntervalMs
  // A smaller interval than the time that an export may take is refused by the SDK.
  const exportTimeoutMillis = Math.min(exportIntervalMillis, 30_000)
  let served: Prometheus | undefined
  const readers: IMetricReader[] = []
  for (const exporter of exporters) {
    if (exporter === 'prometheus') {
      served ??= await prometheus(options.maxSeries)
      if (!readers.includes(served.reader)) readers.push(served.reader)
    } else if (exporter === 'otlp' || exporter === 'console') {
      const pushed = exporter === 'otlp' ? await otlp.metrics() : new ConsoleMetricExporter()
      readers.push(new PeriodicExportingMetricReader({ exporter: pushed, exportIntervalMillis, exportTimeoutMillis }))
    } else readers.push(exporter)
  }
  return { readers, prometheus: served }
}
