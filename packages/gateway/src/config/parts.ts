import type { Problems } from './problems.ts'

/** What no file can hold, by the names under which a file uses it: gates, functions, stores, endpoint sources, gRPC definitions. */
export type ConfigParts = Readonly<Record<string, unknown>>

type Data = Record<string, unknown>

/** Where `{ use: name }` may stand. */
const OF_GATEWAY: readonly (readonly string[])[] = [['tls', 'passphrase']]
const OF_SERVICES: readonly (readonly string[])[] = [['instances'], ['tls'], ['tls', 'passphrase']]
const OF_ROUTES: readonly (readonly string[])[] = [
  ['auth'],
  ['rateLimit', 'key'],
  ['rateLimit', 'store'],
  ['cache', 'store'],
  ['transform', 'request', 'body'],
  ['transform', 'response', 'body'],
  ['grpc', 'definition'],
]

/** Puts the parts in their places. What is wrong is among the problems then. */
export function putParts(config: unknown, parts: ConfigParts, problems: Problems): void {
  const { services, routes } = asData(config)
  for (const path of OF_GATEWAY) put('gateway', config, path, parts, problems)
  for (const [name, service] of Object.entries(asData(services)))
    for (const path of OF_SERVICES) put(`services.${name}`, service, path, parts, problems)
  for (const [at, route] of (Array.isArray(routes) ? (routes as readonly unknown[]) : []).entries())
    for (const path of OF_ROUTES) put(`routes[${at}]`, route, path, parts, problems)
}

function put(key: string, holder: unknown, path: readonly string[], parts: ConfigParts, problems: Problems): void {
  const [last = '', ...outer] = path.toReversed()
  const inner = outer.toReversed().reduce((found: unknown, name) => asData(found)[name], holder)
  const value = asData(inner)[last]
  const { use, ...rest } = asData(value)
  if (use === undefined || Object.keys(rest).length > 0) return
  if (typeof use === 'string' && Object.hasOwn(parts, use)) (inner as Data)[last] = parts[use]
  else {
    const known = Object.keys(parts).join(', ') || 'none is given'
    problems.add([key, ...path, 'use'].join('.'), use, `the name of one of the parts: ${known}`)
  }
}

/** What stands at a place of each route. */
export function ofRoutes(
  config: unknown,
  path: readonly string[],
): readonly { readonly key: string; readonly holder: Data; readonly name: string }[] {
  const { routes } = asData(config)
  const name = path.at(-1) as string
  return (Array.isArray(routes) ? (routes as readonly unknown[]) : []).flatMap((route, at) => {
    const holder = path.slice(0, -1).reduce((found: unknown, step) => asData(found)[step], route)
    return asData(holder)[name] === undefined ? [] : [{ key: [`routes[${at}]`, ...path].join('.'), holder: holder as Data, name }]
  })
}

/** Every part that says how connections are encrypted. */
export function tlsOf(config: unknown): readonly Data[] {
  const { tls, services } = asData(config)
  const named = Object.values(asData(asData(tls)['names']))
  return [tls, ...named, ...Object.values(asData(services)).map((service) => asData(service)['tls'])].filter(isData)
}

function asData(value: unknown): Data {
  return isData(value) ? value : {}
}

function isData(value: unknown): value is Data {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
