import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Component, Logger } from '@comm/core'
import { loadPackage } from './load-package.ts'
import type { ManagerSettings } from './options.ts'

/** What `startTelemetry()` of `@comm/telemetry` gives, as far as a manager needs it. */
interface StartedTelemetry {
  metricsHandler(request: IncomingMessage, response: ServerResponse): void
  flush(): Promise<void>
  close(): Promise<void>
}

type StartTelemetry = (options: Readonly<Record<string, unknown>>) => Promise<StartedTelemetry>

/** The component that sends what is left when everything else has stopped. */
export interface ManagedTelemetry extends Component {
  /** Absent when the SDK is the application's own. */
  readonly metricsHandler?: StartedTelemetry['metricsHandler']
}

/**
 * Starts what `enableMetrics` and `enableTracing` ask for. An OpenTelemetry SDK that the application runs itself is left alone: then only
 * the policies are measured.
 *
 * @returns undefined when neither is enabled
 * @throws ConfigurationError COMM_PACKAGE_MISSING
 */
export async function configuredTelemetry(
  { enableMetrics, enableTracing, serviceName }: ManagerSettings,
  logger: Logger,
): Promise<ManagedTelemetry | undefined> {
  if (!enableMetrics && !enableTracing) return undefined
  const { measurePolicies, perMeterProvider, runningTracer } = await import('@comm/core/telemetry')
  const name = 'telemetry'
  if (runningTracer(name) !== undefined || perMeterProvider(name, () => true)() !== undefined) {
    const stop = enableMetrics ? measurePolicies() : undefined
    return { name, close: () => stop?.() }
  }
  const loaded = await loadPackage('@comm/telemetry', enableMetrics ? 'enableMetrics' : 'enableTracing')
  const telemetry = await (loaded['startTelemetry'] as StartTelemetry)({
    logger,
    ...(serviceName === undefined ? {} : { serviceName }),
    ...(enableTracing ? {} : { traces: false }),
    metrics: enableMetrics && metricExporters(),
    ...(process.env['OTEL_LOGS_EXPORTER'] ? {} : { logs: false }),
  })
  return {
    name,
    flush: () => telemetry.flush(),
    close: () => telemetry.close(),
    metricsHandler: (request, response) => telemetry.metricsHandler(request, response),
  }
}

/** As OTEL_METRICS_EXPORTER says; without it they wait at `metricsHandler`, which needs no address. */
function metricExporters(): readonly string[] | undefined {
  return process.env['OTEL_METRICS_EXPORTER'] ? undefined : ['prometheus']
}
