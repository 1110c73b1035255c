import type { IncomingMessage } from 'node:http'

const routes = new WeakMap<IncomingMessage, string>()

/**
 * Says by which route a request is served, as a template (`/orders/:id`), for spans and metrics: never the path itself, or every id would
 * be a series of its own. Fastify and Express say it by themselves.
 */
export function setRoute(request: IncomingMessage, template: string): void {
  routes.set(request, template)
}

/** As Express leaves it on its requests. */
interface ExpressRequest extends IncomingMessage {
  readonly baseUrl?: unknown
  readonly route?: { readonly path?: unknown }
}

/** @returns undefined when nobody has said it */
export function routeOf(request: ExpressRequest): string | undefined {
  const said = routes.get(request)
  if (said !== undefined) return said
  const path = request.route?.path
  return typeof path === 'string' ? `${typeof request.baseUrl === 'string' ? request.baseUrl : ''}${path}` : undefined
}
