export {
  type LogExporter,
  type MetricExporter,
  type OtlpOptions,
  type OtlpProtocol,
  type PrometheusOptions,
  TELEMETRY_DEFAULTS,
  type TelemetryOptions,
  type TraceExporter,
} from './options.ts'
export { startTelemetry, type Telemetry } from './start-telemetry.ts'
