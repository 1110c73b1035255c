import type { IncomingMessage, ServerResponse } from 'node:http'
import { diag, type MeterProvider } from '@opentelemetry/api'
import type { IMetricReader } from '@opentelemetry/sdk-metrics'
import { Exemplars } from './exemplars.ts'
import { prometheusText } from './prometheus-text.ts'

export interface Prometheus {
  readonly reader: IMetricReader
  /** Answers with all metrics: as OpenMetrics 1.0 to whoever asks for it, as Prometheus does, else in its text format 0.0.4. */
  handle(request: IncomingMessage, response: ServerResponse): void
  /** The same provider, whose histograms are served with exemplars. */
  watch(provider: MeterProvider): MeterProvider
}

const CONTENT_TYPES = Object.freeze({
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
})

export async function prometheus(maxSeries: number): Promise<Prometheus> {
  const { PrometheusExporter } = await import('@opentelemetry/exporter-prometheus')
  const reader = new PrometheusExporter({ preventServerStart: true })
  const exemplars = new Exemplars(maxSeries)
  const told = new Set<string>()
  const leftOut = (name: string, why: string): void => {
    if (!told.has(name)) diag.warn(`metric ${name} is not served: ${why}`)
    told.add(name)
  }
  return {
    reader,
    watch: (provider) => exemplars.watch(provider),
    handle(request, response) {
      const format = request.headers.accept?.includes('application/openmetrics-text') ? 'openmetrics' : 'text'
      reader
        .collect()
        .then(({ resourceMetrics, errors }) => {
          for (const error of errors) diag.error('a metric could not be collected', error)
          const body = prometheusText(resourceMetrics, format, exemplars, leftOut)
          response
            .writeHead(200, { 'content-type': CONTENT_TYPES[format], vary: 'accept' })
            .end(request.method === 'HEAD' ? '' : body)
        })
        .catch((error: unknown) => {
          diag.error('the metrics could not be served', error)
          if (response.headersSent) response.destroy()
          else response.writeHead(500).end()
        })
    },
  }
}
