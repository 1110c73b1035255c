import pluralize from 'pluralize'
import type { RouteConfig } from '../config/route-config.ts'
import type { Service } from '../config/service.ts'

/**
 * The route that a service has by its name: `user-service` serves `/api/v1/users/*`. An explicit path wins. The service sees the path
 * without the prefix: `/users/7`.
 */
export function automaticRoute({ name, path }: Service, prefix: string): RouteConfig | undefined {
  if (path === false) return undefined
  const own = path ?? `${prefix}/${pluralize(name.replace(/-service$/, ''))}`
  const base = own.replace(/\/$/, '')
  const strips = prefix !== '' && (base === prefix || base.startsWith(`${prefix}/`))
  return { name, path: `${base}/*`, service: name, ...(strips ? { stripPrefix: prefix } : {}) }
}
