import type { Attributes } from '@opentelemetry/api'
import type { Route } from '../routing/route.ts'

const NONE: Attributes = Object.freeze({})

/** The template of a route's path, by the semantic conventions for HTTP; its name beside it where it has one of its own. */
export function routeAttributes(route: Route | undefined): Attributes {
  if (route === undefined) return NONE
  const { name, pattern } = route
  return { 'http.route': pattern.text, ...(name === pattern.text ? NONE : { 'comm.gateway.route': name }) }
}
