import type { ClientExchange } from '../exchange/client-exchange.ts'
import type { GatewayRequest } from '../exchange/gateway-request.ts'
import { without } from './cors.ts'
import type { RouteStep } from './step.ts'

/** What is changed about requests before the service sees them, and about answers before the client does. */
export interface TransformConfig {
  readonly request?: {
    /** Replaces fields of these names. */
    readonly setHeaders?: Readonly<Record<string, string>>
    readonly removeHeaders?: readonly string[]
    readonly setQuery?: Readonly<Record<string, string>>
    readonly removeQuery?: readonly string[]
    /** Makes another body of the whole body. */
    readonly body?: (body: Buffer, request: GatewayRequest) => Uint8Array | string | Promise<Uint8Array | string>
  }
  readonly response?: {
    readonly setHeaders?: Readonly<Record<string, string>>
    readonly removeHeaders?: readonly string[]
    /** Makes another body of the whole body; not of one with a Content-Encoding. */
    readonly body?: (body: Buffer, status: number) => Uint8Array | string | Promise<Uint8Array | string>
  }
}

/** Longer bodies are not given to a body hook: 413. */
export const MOST_HOOKED_BYTES: number = 1024 * 1024

export function transformStep({ request = {}, response = {} }: TransformConfig): RouteStep {
  const { setHeaders = {}, removeHeaders = [], setQuery, removeQuery, body } = request
  const replaced = new Set([...Object.keys(setHeaders), ...removeHeaders].map((name) => name.toLowerCase()))
  const added = Object.entries(setHeaders).flatMap(([name, value]) => [name.toLowerCase(), value])
  const answered = new Set(
    [...Object.keys(response.setHeaders ?? {}), ...(response.removeHeaders ?? [])].map((name) => name.toLowerCase()),
  )
  const answers = Object.entries(response.setHeaders ?? {}).flatMap(([name, value]) => [name.toLowerCase(), value])
  return {
    name: 'transform',
    enter(exchange: ClientExchange): boolean | Promise<boolean> {
      const { asked } = exchange
      if (replaced.size > 0) {
        asked.fields = without(asked.fields, (name) => replaced.has(name))
        asked.fields.push(...added)
      }
      if (setQuery !== undefined || removeQuery !== undefined) {
        const query = new URLSearchParams(exchange.search)
        for (const name of removeQuery ?? []) query.delete(name)
        for (const [name, value] of Object.entries(setQuery ?? {})) query.set(name, value)
        exchange.search = query.size === 0 ? '' : `?${query}`
      }
      exchange.transformBody = response.body
      if (body === undefined || !asked.hasBody) return false
      return exchange
        .readBody(MOST_HOOKED_BYTES)
        .then((whole) => body(whole, exchange))
        .then((made) => {
          exchange.replaceBody(typeof made === 'string' ? Buffer.from(made) : made)
          return false
        })
    },
    answer: (fields) => (answered.size === 0 ? fields : [...without(fields, (name) => answered.has(name)), ...answers]),
  }
}
