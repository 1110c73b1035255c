import { DURATION_BUCKETS, perMeterProvider, runningTracer } from '@comm/core/telemetry'
import {
  type Attributes,
  type Context,
  context,
  type Histogram,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import type { StatusName } from '../status.ts'

const SCOPE = '@comm/grpc'
/** Of a server these are its own failures; the others are its caller's. */
const SERVER_FAULTS: ReadonlySet<StatusName> = new Set([
  'UNKNOWN',
  'DEADLINE_EXCEEDED',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
])

interface Measured {
  /** At the begin of a span. */
  readonly start: Attributes
  /** At its end, and of a measurement; one for each status that was seen. */
  readonly byStatus: Map<StatusName, Attributes>
}

/**
 * The span and the duration of each call, by OpenTelemetry's conventions for RPC (1.45):
 * https://opentelemetry.io/docs/specs/semconv/rpc/rpc-metrics/
 */
export class RpcTelemetry {
  readonly #kind: 'client' | 'server'
  readonly #address: string | undefined
  readonly #measured = new Map<string, Measured>()
  readonly #duration: () => Histogram | undefined

  /** @param address of the server, or the name of the service: `server.address` */
  constructor(kind: 'client' | 'server', address?: string) {
    this.#kind = kind
    this.#address = address
    this.#duration = perMeterProvider(SCOPE, (meter) =>
      meter.createHistogram(`rpc.${kind}.call.duration`, {
        unit: 's',
        description: kind === 'client' ? 'Duration of outgoing calls.' : 'Duration of incoming calls.',
        advice: { explicitBucketBoundaries: [...DURATION_BUCKETS] },
      }),
    )
  }

  /** @param method `package.Service/Method` @returns undefined while nobody traces */
  startSpan(method: string, parent?: Context): Span | undefined {
    const kind = this.#kind === 'client' ? SpanKind.CLIENT : SpanKind.SERVER
    return runningTracer(SCOPE)?.startSpan(method, { kind, attributes: this.#of(method).start }, parent)
  }

  end(span: Span | undefined, method: string, status: StatusName, durationMs: number, error?: unknown): void {
    const duration = this.#duration()
    if (duration === undefined && !span?.isRecording()) return span?.end()
    const attributes = this.#attributes(method, status)
    duration?.record(durationMs / 1000, attributes, span && trace.setSpan(context.active(), span))
    if (span?.isRecording()) {
      span.setAttributes(attributes)
      if (attributes['error.type'] !== undefined) {
        span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.message : status })
      }
    }
    span?.end()
  }

  #of(method: string): Measured {
    let known = this.#measured.get(method)
    if (known === undefined) {
      const server = this.#address === undefined ? {} : { 'server.address': this.#address }
      known = { start: { 'rpc.system.name': 'grpc', 'rpc.method': method, ...server }, byStatus: new Map() }
      this.#measured.set(method, known)
    }
    return known
  }

  #attributes(method: string, status: StatusName): Attributes {
    const { start, byStatus } = this.#of(method)
    let known = byStatus.get(status)
    if (known === undefined) {
      const isError = this.#kind === 'client' ? status !== 'OK' : SERVER_FAULTS.has(status)
      known = { ...start, 'rpc.response.status_code': status, ...(isError ? { 'error.type': status } : {}) }
      byStatus.set(status, known)
    }
    return known
  }
}
