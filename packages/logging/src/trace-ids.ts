import { createRequire } from 'node:module'

export interface TraceIds {
  readonly traceId: string
  readonly spanId: string
}

type OpenTelemetry = typeof import('@opentelemetry/api')

let api: OpenTelemetry | undefined

/** The ids of the active span; undefined without one. The API is loaded by the first line, not by the import of this package. */
export function activeTraceIds(): TraceIds | undefined {
  api ??= createRequire(import.meta.url)('@opentelemetry/api') as OpenTelemetry
  const context = api.trace.getActiveSpan()?.spanContext()
  return context !== undefined && api.isSpanContextValid(context) ? context : undefined
}
