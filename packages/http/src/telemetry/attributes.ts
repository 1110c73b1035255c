import type { Attributes } from '@opentelemetry/api'

/** OpenTelemetry semantic conventions for HTTP, https://opentelemetry.io/docs/specs/semconv/http/. */
const KNOWN_METHODS: ReadonlySet<string> = new Set([
  'CONNECT',
  'DELETE',
  'GET',
  'HEAD',
  'OPTIONS',
  'PATCH',
  'POST',
  'PUT',
  'QUERY',
  'TRACE',
])

/** A method that anybody can make up would be a series of its own. */
export function knownMethod(method: string): string {
  return KNOWN_METHODS.has(method) ? method : '_OTHER'
}

/** In the name of a span, which must not be made up either. */
export function methodInName(method: string): string {
  return KNOWN_METHODS.has(method) ? method : 'HTTP'
}

/** On spans alone: the method as it was sent, where the convention has no name for it. */
export function originalMethod(method: string): Attributes {
  return KNOWN_METHODS.has(method) ? {} : { 'http.request.method_original': method.slice(0, 64) }
}

/** Of a span: the method as the convention names it, and as it was sent where that is another. */
export function observedMethod(method: string): Attributes {
  return { 'http.request.method': knownMethod(method), ...originalMethod(method) }
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 }

export function portOf({ protocol, port }: URL): number | undefined {
  return port === '' ? DEFAULT_PORTS[protocol] : Number(port)
}
