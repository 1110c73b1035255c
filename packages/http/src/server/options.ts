import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Clock, DEFAULT_CORRELATION_HEADER, type HealthReport, type Logger, silentLogger, systemClock } from '@comm/core'
import { checkOptions, object, type Rule, type Rules, withDefaults, withMethods } from '@comm/core/options'

/** Who knows how the service is: core's `Lifecycle` is one. */
export interface HealthSource {
  healthCheck(): Promise<HealthReport>
  /** The service takes requests: it has started and does not stop. */
  readonly isReady: boolean
}

/** Who has the metrics of the process: `startTelemetry()` of `@comm/telemetry`, or a manager. */
export interface MetricsSource {
  /** Answers with all metrics in the text format of Prometheus. */
  metricsHandler(request: IncomingMessage, response: ServerResponse): void
}

export interface ServerOptions {
  /** The header that carries the correlation id, in and out. @default 'X-Correlation-ID' */
  readonly correlationHeader?: string
  /** Answers GET and HEAD of the three paths below. Absent: they are the application's own. */
  readonly health?: HealthSource
  /** @default '/health' */
  readonly healthPath?: string
  /** @default '/ready' */
  readonly readyPath?: string
  /** Answers 200 while the process answers at all, whatever its health: for a liveness probe. @default '/live' */
  readonly livePath?: string
  /** Answers GET of the path below. Absent: it is the application's own. */
  readonly metrics?: MetricsSource
  /** @default '/metrics' */
  readonly metricsPath?: string
  /** Gets the errors that are answered with 500 and above. @default silentLogger */
  readonly logger?: Logger
  /** @default systemClock */
  readonly clock?: Clock
}

export const SERVER_DEFAULTS: Readonly<Required<Omit<ServerOptions, 'health' | 'metrics'>>> = Object.freeze({
  correlationHeader: DEFAULT_CORRELATION_HEADER,
  healthPath: '/health',
  readyPath: '/ready',
  livePath: '/live',
  metricsPath: '/metrics',
  logger: silentLogger,
  clock: systemClock,
})

const path: Rule = {
  expected: "a path such as '/health'",
  accepts: (value) => typeof value === 'string' && /^\/[^?#\s]*$/.test(value),
}

const RULES: Rules<ServerOptions> = {
  correlationHeader: {
    expected: 'the name of a header',
    accepts: (value) => typeof value === 'string' && /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(value),
  },
  health: {
    expected: 'an object with healthCheck() and isReady, such as a Lifecycle',
    accepts: (value) =>
      object.accepts(value) &&
      typeof (value as Partial<HealthSource>).healthCheck === 'function' &&
      'isReady' in (value as HealthSource),
  },
  healthPath: path,
  readyPath: path,
  livePath: path,
  metrics: withMethods('the metrics of a process, such as startTelemetry() gives', 'metricsHandler'),
  metricsPath: path,
  logger: { ...object, expected: 'a Logger' },
  clock: { ...object, expected: 'a Clock' },
}

export type ResolvedServerOptions = ServerOptions & typeof SERVER_DEFAULTS

/** @throws ConfigurationError with every problem at once */
export function resolveServerOptions(what: string, options: ServerOptions): ResolvedServerOptions {
  checkOptions<ServerOptions>(what, options, RULES)
  return withDefaults<ServerOptions, keyof typeof SERVER_DEFAULTS>(SERVER_DEFAULTS, options)
}
