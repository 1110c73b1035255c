import { metrics } from '@opentelemetry/api'
import { type DataPoint, DataPointType, type Histogram, MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics'

class PullReader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

export type Point = { readonly value: number } & Readonly<Record<string, unknown>>

export interface Metered {
  /** What is measured now: the points of each instrument, a histogram's count and sum. */
  collect(): Promise<Readonly<Record<string, readonly Point[]>>>
  stop(): Promise<void>
}

/** An OpenTelemetry SDK, as an application would start it. */
export function startSdk(): Metered {
  const reader = new PullReader()
  const provider = new MeterProvider({ readers: [reader] })
  metrics.disable()
  metrics.setGlobalMeterProvider(provider)
  return {
    async collect() {
      const { resourceMetrics, errors } = await reader.collect()
      if (errors.length > 0) throw errors[0]
      const all = resourceMetrics.scopeMetrics.flatMap(({ metrics: measured }) => measured)
      return Object.fromEntries(
        all.map(({ descriptor, dataPoints, dataPointType }) => [
          descriptor.name,
          (dataPoints as readonly DataPoint<number | Histogram>[]).map(({ attributes, value }) => ({
            ...attributes,
            value: dataPointType === DataPointType.HISTOGRAM ? ((value as Histogram).sum ?? 0) : (value as number),
          })),
        ]),
      )
    },
    async stop() {
      metrics.disable()
      await provider.shutdown()
    },
  }
}
