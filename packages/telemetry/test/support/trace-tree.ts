import { SpanKind } from '@opentelemetry/api'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'
import type { OtlpSpan } from './otlp-receiver.ts'

/** What a span tells about its place, whoever keeps it. */
export interface PlacedSpan {
  readonly id: string
  readonly parentId: string | undefined
  readonly name: string
  /** `server`, `client` … */
  readonly kind: string
}

/** A span as an exporter in memory keeps it. */
export function placed(span: ReadableSpan): PlacedSpan {
  return { id: span.spanContext().spanId, parentId: span.parentSpanContext?.spanId, name: span.name, kind: nameOf(span.kind) }
}

/** A span as a collector got it: OTLP counts its kinds from 1. */
export function placedOtlp({ spanId, parentSpanId, name, kind }: OtlpSpan): PlacedSpan {
  return { id: spanId, parentId: parentSpanId, name, kind: nameOf(kind - 1) }
}

function nameOf(kind: SpanKind): string {
  return (SpanKind[kind] ?? 'unknown').toLowerCase()
}

/** The names and kinds of spans as they hang together, one a line, two spaces for each level; children of one parent by name. */
export function traceTree(spans: readonly PlacedSpan[]): readonly string[] {
  const known = new Set(spans.map(({ id }) => id))
  const under = (parentId: string | undefined, indent: string): readonly string[] =>
    spans
      .filter((span) => (known.has(span.parentId ?? '') ? span.parentId : undefined) === parentId)
      .sort((one, other) => (`${one.name} ${one.kind}` < `${other.name} ${other.kind}` ? -1 : 1))
      .flatMap(({ id, name, kind }) => [`${indent}${name} (${kind})`, ...under(id, `${indent}  `)])
  return under(undefined, '')
}

/** The trace of one order in the shop, from the request to its gateway on. */
export function orderTrace(topic: string): readonly string[] {
  return [
    'GET (client)',
    '  GET /* (server)',
    '    GET /orders/:id (server)',
    '      GET (client)',
    '        GET /stock/:id (server)',
    '      payments.v1.PaymentService/TakePayment (client)',
    '        payments.v1.PaymentService/TakePayment (server)',
    `      send ${topic} (producer)`,
    `        process ${topic} (consumer)`,
  ]
}
