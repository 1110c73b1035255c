import type { IncomingMessage, ServerResponse } from 'node:http'
import { CommunicationError, type Logger, silentLogger, systemClock, withinLimit } from '@comm/core'
import { measurePolicies } from '@comm/core/telemetry'
import {
  type Attributes,
  context,
  createNoopMeter,
  DiagLogLevel,
  diag,
  logs,
  metrics,
  ProxyTracerProvider,
  propagation,
  trace,
} from '@opentelemetry/api'
import { defaultResource, resourceFromAttributes } from '@opentelemetry/resources'
import { NodeSDK } from '@opentelemetry/sdk-node'
import { ParentBasedSampler, type Sampler, TraceIdRatioBasedSampler } from '@opentelemetry/sdk-trace'
import { metricsServer } from './metrics-server.ts'
import { type ResolvedTelemetry, resolveTelemetry, type TelemetryOptions } from './options.ts'
import { type Pipelines, pipelinesOf } from './pipelines.ts'

/** OpenTelemetry as it runs. As a component of a `Lifecycle` it sends what is left after everything else has stopped: add it first. */
export interface Telemetry extends AsyncDisposable {
  /** A listener of `node:http` that answers with all metrics as Prometheus reads them; 404 without the exporter `prometheus`. */
  metricsHandler(request: IncomingMessage, response: ServerResponse): void
  /** Where `prometheus.port` serves the metrics; undefined without it. */
  readonly prometheusUrl: string | undefined
  /** Sends what has not been sent. Never rejects: an export that failed is told to the logger. */
  flush(): Promise<void>
  /** Flushes, ends all exporters and takes the SDK off the API, in `shutdownMs` at most. Never rejects. Idempotent. */
  shutdown(): Promise<void>
  /** Shuts down, as a component's `close`. */
  close(): Promise<void>
}

let running = false

/**
 * Starts traces, metrics and logs. From here on all `@comm` packages are observed, those too that were loaded, and clients that were made,
 * before.
 *
 * @throws ConfigurationError naming every wrong option or environment variable
 * @throws ConnectionError when `prometheus.port` is taken
 * @throws CommunicationError COMM_CLOSED when it runs already, or the application has registered an SDK: one serves a process
 */
export async function startTelemetry(options: TelemetryOptions = {}): Promise<Telemetry> {
  const resolved = resolveTelemetry(options)
  if (running) {
    throw new CommunicationError('telemetry was not started: it runs already, and one SDK serves a process; shut it down first', {
      code: 'COMM_CLOSED',
    })
  }
  if (hasSdk()) {
    throw new CommunicationError(
      'telemetry was not started: the application has registered an OpenTelemetry SDK already, which all @comm packages report to; use one of the two',
      { code: 'COMM_CLOSED' },
    )
  }
  running = true
  try {
    return await start(resolved)
  } catch (thrown) {
    running = false
    throw thrown
  }
}

async function start(options: ResolvedTelemetry): Promise<Telemetry> {
  const { logger = silentLogger, shutdownMs, policies, maxSeries } = options
  const pipelines = await pipelinesOf(options)
  const { prometheus } = pipelines
  const metricsHandler: Telemetry['metricsHandler'] = (request, response) => {
    if (prometheus !== undefined && stopping === undefined) return prometheus.handle(request, response)
    response.writeHead(404, { 'content-type': 'text/plain' }).end('no Prometheus exporter runs\n')
  }
  let stopping: Promise<void> | undefined
  tellDiagnostics(logger.child({ logger: 'comm.telemetry' }))
  const sampler = samplerOf(options)
  const sdk = new NodeSDK({
    resource: defaultResource().merge(resourceFromAttributes(resourceOf(options))),
    autoDetectResources: options.detectResources,
    ...(options.serviceName === undefined ? {} : { serviceName: options.serviceName }),
    spanProcessors: [...pipelines.spans],
    metricReaders: [...pipelines.readers],
    logRecordProcessors: [...pipelines.logs],
    views: [{ instrumentName: '*', aggregationCardinalityLimit: maxSeries }],
    ...(sampler === undefined ? {} : { sampler }),
  })
  const port = prometheus === undefined ? undefined : options.prometheus?.port
  const server = port === undefined ? undefined : await metricsServer({ ...options.prometheus, port }, metricsHandler)
  try {
    sdk.start()
  } catch (thrown) {
    await server?.close()
    throw thrown
  }
  if (prometheus !== undefined && pipelines.spans.length > 0) {
    const provider = prometheus.watch(metrics.getMeterProvider())
    metrics.disable()
    metrics.setGlobalMeterProvider(provider)
  }
  const stopMeasuring = policies && pipelines.readers.length > 0 ? measurePolicies() : undefined

  async function stop(): Promise<void> {
    await tell(logger, 'the rest could not be sent', withinLimit(systemClock, shutdownMs, sdk.shutdown()))
    stopMeasuring?.()
    await server?.close()
    for (const api of [trace, metrics, logs, context, propagation, diag]) api.disable()
    running = false
  }
  function shutdown(): Promise<void> {
    stopping ??= stop()
    return stopping
  }
  return {
    metricsHandler,
    prometheusUrl: server?.url,
    flush: () => tell(logger, 'what is there could not be sent', flush(pipelines)),
    shutdown,
    close: shutdown,
    [Symbol.asyncDispose]: shutdown,
  }
}

function hasSdk(): boolean {
  const tracers = trace.getTracerProvider()
  const isNoop = tracers instanceof ProxyTracerProvider && tracers.getDelegate() === new ProxyTracerProvider().getDelegate()
  return !isNoop || metrics.getMeterProvider().getMeter('comm') !== createNoopMeter()
}

async function flush({ spans, readers, logs: processors }: Pipelines): Promise<void> {
  await Promise.all([...spans, ...readers, ...processors].map((each) => each.forceFlush()))
}

async function tell(logger: Logger, what: string, done: Promise<unknown>): Promise<void> {
  try {
    await done
  } catch (thrown) {
    logger.error(`telemetry: ${what}`, { error: thrown })
  }
}

function resourceOf({ serviceVersion, environment, resource }: ResolvedTelemetry): Attributes {
  return {
    ...(serviceVersion === undefined ? {} : { 'service.version': serviceVersion }),
    ...(environment === undefined ? {} : { 'deployment.environment.name': environment }),
    ...resource,
  }
}

function samplerOf({ sampler, sampleRatio }: ResolvedTelemetry): Sampler | undefined {
  if (sampler !== undefined || sampleRatio === undefined) return sampler
  return new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(sampleRatio) })
}

/** What OpenTelemetry has to say is its own business up to `info`. */
function tellDiagnostics(logger: Logger): void {
  const ignore = (): void => undefined
  const say =
    (level: 'warn' | 'error') =>
    (message: string, ...others: readonly unknown[]): void =>
      logger[level](message, others.length === 0 ? undefined : { others })
  diag.setLogger(
    { verbose: ignore, debug: ignore, info: ignore, warn: say('warn'), error: say('error') },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  )
}
