import type { ClientExchange } from '../exchange/client-exchange.ts'
import type { RouteStep } from './step.ts'

/** Which pages of other origins may use a route (Fetch standard, CORS protocol). */
export interface CorsConfig {
  /** `https://app.example.com`; `*` for any. */
  readonly origins: readonly string[]
  /** @default ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] */
  readonly methods?: readonly string[]
  /** @default what the page asks for */
  readonly allowedHeaders?: readonly string[]
  /** What the page may read of the answer beside the usual. @default [] */
  readonly exposedHeaders?: readonly string[]
  /** Cookies and Authorization of other origins; not together with the origin `*`. @default false */
  readonly credentials?: boolean
  /** How long a browser remembers it. @default 600000 */
  readonly maxAgeMs?: number
}

const METHODS: readonly string[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']

/** What the service itself says about it is replaced: two answers to one question are none. */
export function corsStep(config: CorsConfig): RouteStep {
  const { origins, methods = METHODS, allowedHeaders, exposedHeaders = [], credentials = false, maxAgeMs = 600_000 } = config
  const any = origins.includes('*')
  const known = new Set(origins)
  const isAllowed = (origin: string): boolean => any || known.has(origin)
  return {
    name: 'cors',
    enter(exchange: ClientExchange): boolean {
      const origin = exchange.header('origin')
      const wanted = exchange.header('access-control-request-method')
      exchange.extra.push('vary', 'origin')
      if (origin !== undefined && isAllowed(origin)) {
        exchange.extra.push('access-control-allow-origin', any && !credentials ? '*' : origin)
        if (credentials) exchange.extra.push('access-control-allow-credentials', 'true')
        if (exposedHeaders.length > 0) exchange.extra.push('access-control-expose-headers', exposedHeaders.join(', '))
      }
      if (exchange.method !== 'OPTIONS' || origin === undefined || wanted === undefined) return false
      if (isAllowed(origin)) {
        const headers = allowedHeaders?.join(', ') ?? exchange.header('access-control-request-headers')
        exchange.extra.push(
          'access-control-allow-methods',
          methods.join(', '),
          'access-control-max-age',
          String(Math.floor(maxAgeMs / 1000)),
        )
        if (headers !== undefined) exchange.extra.push('access-control-allow-headers', headers)
      }
      exchange.respond(204, [], '')
      return true
    },
    answer(fields: string[]): string[] {
      return without(fields, (name) => name.startsWith('access-control-'))
    },
  }
}

/** The fields but those whose name, in lower case, is one to leave out. */
export function without(fields: readonly string[], isLeftOut: (name: string) => boolean): string[] {
  const kept: string[] = []
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at] as string
    if (!isLeftOut(name.toLowerCase())) kept.push(name, fields[at + 1] as string)
  }
  return kept
}
