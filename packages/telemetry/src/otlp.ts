import type { LogRecordExporter } from '@opentelemetry/sdk-logs'
import type { PushMetricExporter } from '@opentelemetry/sdk-metrics'
import type { SpanExporter } from '@opentelemetry/sdk-trace'
import type { OtlpOptions, OtlpProtocol } from './options.ts'

const DEFAULT_PROTOCOL: OtlpProtocol = 'http/protobuf'

/** The exporters of one protocol; only those that are used are loaded. */
export function otlpExporters(options: OtlpOptions = {}): {
  traces(): Promise<SpanExporter>
  metrics(): Promise<PushMetricExporter>
  logs(): Promise<LogRecordExporter>
} {
  const configOf = (path: string): Record<string, unknown> => ({
    ...(options.endpoint === undefined ? {} : { url: protocol === 'grpc' ? options.endpoint : join(options.endpoint, path) }),
    ...(options.headers === undefined ? {} : { headers: options.headers }),
    ...(options.timeoutMs === undefined ? {} : { timeoutMillis: options.timeoutMs }),
  })
  const protocol = options.protocol ?? protocolFromEnv()
  return {
    async traces() {
      const { OTLPTraceExporter } = await TRACES[protocol]()
      return new OTLPTraceExporter(configOf('v1/traces'))
    },
    async metrics() {
      const { OTLPMetricExporter } = await METRICS[protocol]()
      return new OTLPMetricExporter(configOf('v1/metrics'))
    },
    async logs() {
      const { OTLPLogExporter } = await LOGS[protocol]()
      return new OTLPLogExporter(configOf('v1/logs'))
    },
  }
}

const TRACES = {
  'http/protobuf': () => import('@opentelemetry/exporter-trace-otlp-proto'),
  'http/json': () => import('@opentelemetry/exporter-trace-otlp-http'),
  grpc: () => import('@opentelemetry/exporter-trace-otlp-grpc'),
} as const

const METRICS = {
  'http/protobuf': () => import('@opentelemetry/exporter-metrics-otlp-proto'),
  'http/json': () => import('@opentelemetry/exporter-metrics-otlp-http'),
  grpc: () => import('@opentelemetry/exporter-metrics-otlp-grpc'),
} as const

const LOGS = {
  'http/protobuf': () => import('@opentelemetry/exporter-logs-otlp-proto'),
  'http/json': () => import('@opentelemetry/exporter-logs-otlp-http'),
  grpc: () => import('@opentelemetry/exporter-logs-otlp-grpc'),
} as const

/** The specification says to warn of a value that is not known, and to go on with the default. */
function protocolFromEnv(): OtlpProtocol {
  const text = process.env['OTEL_EXPORTER_OTLP_PROTOCOL']?.trim()
  return text !== undefined && text in TRACES ? (text as OtlpProtocol) : DEFAULT_PROTOCOL
}

function join(endpoint: string, path: string): string {
  return `${endpoint.replace(/\/$/, '')}/${path}`
}
