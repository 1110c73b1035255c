import type { Logger } from '@comm/core'
import {
  arrayOf,
  boolean,
  checkOptions,
  either,
  nonEmptyText,
  number,
  object,
  oneOf,
  type Rule,
  secret,
  withDefaults,
  withMethods,
} from '@comm/core/options'
import type { Attributes, Sampler } from '@opentelemetry/api'
import type { LogRecordExporter } from '@opentelemetry/sdk-logs'
import type { IMetricReader } from '@opentelemetry/sdk-metrics'
import type { SpanExporter } from '@opentelemetry/sdk-trace'

export type OtlpProtocol = 'http/protobuf' | 'http/json' | 'grpc'

/** Where OTLP goes. What is absent is read from OTEL_EXPORTER_OTLP_ENDPOINT, _HEADERS, _TIMEOUT and _PROTOCOL. */
export interface OtlpOptions {
  /** Without a path of a signal: `http://collector:4318`. @default http://localhost:4318, or 4317 for gRPC */
  readonly endpoint?: string
  /** @default 'http/protobuf' */
  readonly protocol?: OtlpProtocol
  /** Sent with each export, such as credentials. With `grpc` they can be given by OTEL_EXPORTER_OTLP_HEADERS only. */
  readonly headers?: Readonly<Record<string, string>>
  /** @default 10000 */
  readonly timeoutMs?: number
}

/** `otlp`, `console`, or an exporter of your own. */
export type TraceExporter = 'otlp' | 'console' | SpanExporter
/** `prometheus` waits to be fetched; the others send every `metricIntervalMs`. */
export type MetricExporter = 'otlp' | 'prometheus' | 'console' | IMetricReader
export type LogExporter = 'otlp' | 'console' | LogRecordExporter

export interface PrometheusOptions {
  /** A port that serves the metrics and nothing else; absent: they are served by `metricsHandler` only. */
  readonly port?: number
  /** @default all interfaces */
  readonly host?: string
  /** @default '/metrics' */
  readonly path?: string
}

export interface TelemetryOptions {
  /** @default OTEL_SERVICE_NAME, else 'unknown_service:node' */
  readonly serviceName?: string
  readonly serviceVersion?: string
  /** `production`, `staging` … */
  readonly environment?: string
  /** More attributes of the resource: what all spans, metrics and logs of this process have in common. @default {} */
  readonly resource?: Attributes
  /** Finds out about process, host and operating system, and reads OTEL_RESOURCE_ATTRIBUTES. @default true */
  readonly detectResources?: boolean
  /** `false`: no traces. @default OTEL_TRACES_EXPORTER, else ['otlp'] */
  readonly traces?: false | readonly TraceExporter[]
  /** `false`: no metrics. @default OTEL_METRICS_EXPORTER, else ['otlp'] */
  readonly metrics?: false | readonly MetricExporter[]
  /** `false`: no logs. @default OTEL_LOGS_EXPORTER, else ['otlp'] */
  readonly logs?: false | readonly LogExporter[]
  /**
   * Share of the traces that begin here and are recorded, 0 to 1; of one that came in, its first service has decided.
   * @default OTEL_TRACES_SAMPLER, else 1
   */
  readonly sampleRatio?: number
  /** In place of `sampleRatio`. */
  readonly sampler?: Sampler
  readonly otlp?: OtlpOptions
  readonly prometheus?: PrometheusOptions
  /** How often metrics are sent. @default 60000 */
  readonly metricIntervalMs?: number
  /** Series of one metric; what is beyond is counted in one of its own (`otel.metric.overflow`). @default 2000 */
  readonly maxSeries?: number
  /** Measures the policies of this process: breakers, retries, queues, limits. @default true */
  readonly policies?: boolean
  /** How long `shutdown` may take to send what is left. @default 5000 */
  readonly shutdownMs?: number
  /** Gets what OpenTelemetry itself has to say: warnings and errors, such as exports that failed. @default silentLogger */
  readonly logger?: Logger
}

type Defaulted = 'resource' | 'detectResources' | 'metricIntervalMs' | 'maxSeries' | 'policies' | 'shutdownMs'

export const TELEMETRY_DEFAULTS: Readonly<Required<Pick<TelemetryOptions, Defaulted>>> = Object.freeze({
  resource: Object.freeze({}),
  detectResources: true,
  metricIntervalMs: 60_000,
  maxSeries: 2000,
  policies: true,
  shutdownMs: 5000,
})

export type ResolvedTelemetry = TelemetryOptions & typeof TELEMETRY_DEFAULTS

function exportersOf(method: string, ...names: readonly string[]): Rule {
  const rule = either(oneOf(...names), withMethods('an exporter', method, 'shutdown'))
  return either(oneOf(false), arrayOf(rule))
}

const url: Rule = {
  expected: 'an http: or https: URL such as http://collector:4318',
  accepts: (value) => typeof value === 'string' && /^https?:$/.test(URL.parse(value)?.protocol ?? ''),
}
const texts: Rule = {
  expected: 'an object of texts',
  accepts: (value) => object.accepts(value) && Object.values(value as object).every((text) => typeof text === 'string'),
}

/** @throws ConfigurationError with every problem at once */
export function resolveTelemetry(options: TelemetryOptions): ResolvedTelemetry {
  checkOptions<TelemetryOptions>('telemetry', options, {
    serviceName: nonEmptyText,
    serviceVersion: nonEmptyText,
    environment: nonEmptyText,
    resource: object,
    detectResources: boolean,
    traces: exportersOf('export', 'otlp', 'console'),
    metrics: exportersOf('collect', 'otlp', 'prometheus', 'console'),
    logs: exportersOf('export', 'otlp', 'console'),
    sampleRatio: number({ min: 0, max: 1 }),
    sampler: withMethods('a Sampler', 'shouldSample'),
    otlp: object,
    prometheus: object,
    metricIntervalMs: number({ min: 1 }),
    maxSeries: number({ min: 1, integer: true }),
    policies: boolean,
    shutdownMs: number({ min: 0 }),
    logger: withMethods('a Logger', 'debug', 'warn', 'error'),
  })
  if (options.otlp !== undefined) {
    const { protocol } = options.otlp
    checkOptions<OtlpOptions>('telemetry.otlp', options.otlp, {
      endpoint: url,
      protocol: oneOf('http/protobuf', 'http/json', 'grpc'),
      headers:
        protocol === 'grpc'
          ? { ...texts, expected: 'absent with grpc (set OTEL_EXPORTER_OTLP_HEADERS)', accepts: () => false }
          : secret(texts),
      timeoutMs: number({ min: 1 }),
    })
  }
  if (options.prometheus !== undefined) {
    checkOptions<PrometheusOptions>('telemetry.prometheus', options.prometheus, {
      port: number({ min: 0, max: 65_535, integer: true }),
      host: nonEmptyText,
      path: { expected: "a path such as '/metrics'", accepts: (value) => typeof value === 'string' && value.startsWith('/') },
    })
  }
  return withDefaults<TelemetryOptions, Defaulted>(TELEMETRY_DEFAULTS, options)
}
