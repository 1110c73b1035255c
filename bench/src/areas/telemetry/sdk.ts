import { startTelemetry } from '@comm/telemetry'
import {
  AggregationTemporality,
  DataPointType,
  InMemoryMetricExporter,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import type { SpanExporter } from '@opentelemetry/sdk-trace'
import type { Sdk } from './part.ts'

interface Recorded {
  /** Spans that were exported, and values of durations. */
  soFar(): Promise<{ readonly spans: number; readonly measurements: number }>
  close(): Promise<void>
}

const NOBODY: Recorded = { soFar: async () => ({ spans: 0, measurements: 0 }), close: async () => undefined }
const NEVER_MS = 3_600_000

/** An SDK as `startTelemetry` sets it up, with batches of spans and all metrics; what is exported is counted and forgotten. */
export async function startSdk(sdk: Sdk): Promise<Recorded> {
  if (sdk === 'none') return NOBODY
  let spans = 0
  const exporter: SpanExporter = {
    export(batch, done) {
      spans += batch.length
      done({ code: 0 })
    },
    shutdown: async () => undefined,
  }
  const kept = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter: kept, exportIntervalMillis: NEVER_MS })
  const telemetry = await startTelemetry({
    traces: [exporter],
    metrics: [reader],
    logs: false,
    detectResources: false,
    sampleRatio: sdk === 'all' ? 1 : 0.01,
  })
  return {
    async soFar() {
      kept.reset()
      await telemetry.flush()
      return { spans, measurements: durationsOf(kept) }
    },
    close: () => telemetry.close(),
  }
}

function durationsOf(exporter: InMemoryMetricExporter): number {
  const metrics = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics))
  return metrics
    .flatMap((metric) => (metric.dataPointType === DataPointType.HISTOGRAM ? metric.dataPoints : []))
    .reduce((sum, { value }) => sum + value.count, 0)
}
