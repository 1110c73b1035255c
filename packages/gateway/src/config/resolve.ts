import {
  arrayOf,
  boolean,
  either,
  nonEmptyText,
  number,
  object,
  oneOf,
  type Rule,
  type Rules,
  required,
} from '@comm/core/options'
import { automaticRoute } from '../routing/automatic-routes.ts'
import { isPathPattern, PathPattern } from '../routing/path-pattern.ts'
import { unknownParameters } from '../routing/rewrite.ts'
import type { GatewayConfig } from './gateway-config.ts'
import { checkGrpcService } from './grpc-rules.ts'
import { Problems } from './problems.ts'
import type { RouteConfig, WeightedTarget } from './route-config.ts'
import { isPath, resolveService, type Service, TIMEOUT_RULES } from './service.ts'
import { checkSteps, STEP_RULES } from './step-rules.ts'

const DEFAULT_PREFIX = '/api/v1'

/** A configuration that is right. */
export interface ResolvedConfig {
  readonly services: ReadonlyMap<string, Service>
  readonly routes: readonly RouteConfig[]
}

const CONFIG_RULES: Rules<GatewayConfig> = {
  services: required(object),
  routes: { expected: 'an array of routes', accepts: Array.isArray },
  prefix: { expected: "a path such as '/api/v1', or ''", accepts: (value) => value === '' || isPath(value) },
}

const aPattern: Rule = { expected: "a path such as '/orders', '/orders/:id' or '/orders/*'", accepts: isPathPattern }
const aHost: Rule = {
  expected: "a name such as 'api.example.com' or '*.example.com'",
  accepts: (value) => typeof value === 'string' && /^(?:\*\.)?[\w.-]+$|^\[[\da-f:.]+\]$/i.test(value),
}
const aMethod: Rule = {
  expected: 'a method in capitals',
  accepts: (value) => typeof value === 'string' && /^[A-Z][A-Z-]*$/.test(value) && value !== 'CONNECT',
}
const expectations: Rule = {
  expected: 'an object whose values are strings, arrays of strings or true',
  accepts: (value) =>
    object.accepts(value) &&
    Object.values(value as object).every((each) => either(nonEmptyText, arrayOf(nonEmptyText), oneOf(true)).accepts(each)),
}

const ROUTE_RULES: Rules<RouteConfig> = {
  name: nonEmptyText,
  path: required(aPattern),
  methods: { ...arrayOf(aMethod), expected: "an array of methods in capitals, such as 'GET'" },
  hosts: arrayOf(aHost),
  headers: expectations,
  query: expectations,
  service: nonEmptyText,
  to: { expected: 'an array of { service, weight }', accepts: (value) => Array.isArray(value) && value.length > 0 },
  stripPrefix: { expected: "a path such as '/api'", accepts: isPath },
  rewrite: aPattern,
  timeouts: object,
  retry: boolean,
  maxBodyBytes: number({ min: 0, infinite: true }),
  ...STEP_RULES,
  websocket: boolean,
}

const TARGET_RULES: Rules<WeightedTarget> = { service: required(nonEmptyText), weight: number({ min: 0 }) }

/** @throws ConfigurationError with every problem at once */
export function resolveConfig(config: GatewayConfig): ResolvedConfig {
  const problems = new Problems()
  problems.options('gateway', config, CONFIG_RULES)
  problems.throwIfAny('gateway')
  const services = new Map<string, Service>()
  for (const [name, each] of Object.entries(config.services)) {
    const service = resolveService(name, each, problems)
    if (service !== undefined) services.set(name, service)
  }
  if (Object.keys(config.services).length === 0) problems.add('services', config.services, 'at least one service')
  const { prefix = DEFAULT_PREFIX, routes = [] } = config
  const names = new Set(Object.keys(config.services))
  for (const [at, route] of routes.entries()) checkRoute(`routes[${at}]`, route, names, problems)
  // What is no route is among the problems by now.
  const overGrpc = new Set(routes.map((route: RouteConfig | undefined | null) => route?.grpc?.service))
  for (const service of services.values()) if (overGrpc.has(service.name)) checkGrpcService(service, problems)
  const automatic = [...services.values()]
    .filter(({ name, path }) => path !== undefined || !overGrpc.has(name))
    .map((service) => automaticRoute(service, prefix.replace(/\/$/, '')))
    .filter((route) => route !== undefined)
  for (const { path, service } of automatic)
    if (!aPattern.accepts(path)) problems.add(`services.${service}.path`, path, 'given, because the name makes no path')
  problems.throwIfAny('gateway')
  return { services, routes: [...routes, ...automatic] }
}

function checkRoute(key: string, route: RouteConfig, services: ReadonlySet<string>, problems: Problems): void {
  if (!problems.options(key, route, ROUTE_RULES)) return
  const { path, service, to, rewrite, stripPrefix, timeouts } = route
  const ways = [service, to, route.aggregate, route.grpc, route.openapi].filter((way) => way !== undefined).length
  if (ways !== 1)
    problems.note(key, ways === 0 ? 'none' : 'several', 'an object with one of service, to, aggregate, grpc and openapi')
  if (rewrite !== undefined && stripPrefix !== undefined)
    problems.add(`${key}.stripPrefix`, stripPrefix, 'left out where there is a rewrite')
  if (rewrite !== undefined) {
    const unknown = unknownParameters(new PathPattern(path), rewrite)
    if (unknown.length > 0) problems.add(`${key}.rewrite`, rewrite, `a path with parameters of ${path} only`)
  }
  if (timeouts !== undefined) problems.options(`${key}.timeouts`, timeouts, TIMEOUT_RULES)
  for (const [at, target] of (to ?? []).entries()) problems.options(`${key}.to[${at}]`, target, TARGET_RULES)
  if (to?.every(({ weight = 1 }) => !(weight > 0))) problems.add(`${key}.to`, to, 'targets of which one has a weight above 0')
  const known = `one of ${[...services].join(', ')}`
  checkSteps(key, route, services, problems)
  for (const name of service === undefined ? (to ?? []).map((each) => each.service) : [service])
    if (typeof name === 'string' && !services.has(name)) problems.add(`${key}.service`, name, known)
}
