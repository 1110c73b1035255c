import { type EndpointSource, type Instance, type PolicySet, TlsReloader } from '@comm/core'
import { type HealthCheckOptions, type OutlierDetectionOptions, staticEndpoints } from '@comm/core/balancing'
import { arrayOf, boolean, either, nonEmptyText, number, object, oneOf, type Rules, withMethods } from '@comm/core/options'
import { TLS_MATERIAL_RULES } from '@comm/core/tls'
import type { ConnectionLimits } from '@comm/http/undici'
import { STRATEGIES } from '../upstream/strategies.ts'
import type { TimeoutsConfig } from '../upstream/timeouts.ts'
import { isSafeToRepeat, verdictOf } from '../upstream/upstream-call.ts'
import type { Problems } from './problems.ts'
import type { ActiveHealthConfig, BalancingName, RetryConfig, ServiceConfig, UpstreamTls } from './service-config.ts'

export const RETRY_DEFAULTS: Readonly<Required<Omit<RetryConfig, 'backoff' | 'budget'>>> = Object.freeze({
  maxRetries: 2,
  statuses: Object.freeze([502, 503, 504]),
  replayBytes: 64 * 1024,
})

export const CONNECTION_DEFAULTS: Readonly<ConnectionLimits> = Object.freeze({
  maxConnections: 1024,
  maxKeepaliveConnections: 256,
  keepaliveExpiryMs: 30_000,
})

/** A service of a configuration that is right. */
export interface Service {
  readonly name: string
  readonly protocol: 'http' | 'https'
  readonly tls: UpstreamTls | TlsReloader | undefined
  readonly tlsName: string | undefined
  readonly basePath: string
  readonly instances: EndpointSource | readonly (string | Instance)[]
  readonly path: string | false | undefined
  readonly balancing: BalancingName
  readonly hashHeader: string | undefined
  readonly healthCheck: { readonly path: string; readonly timing: Omit<HealthCheckOptions, 'probe'> } | undefined
  readonly outlierDetection: OutlierDetectionOptions | false
  readonly connections: ConnectionLimits
  readonly timeouts: TimeoutsConfig | undefined
  readonly retry: Required<Omit<RetryConfig, 'backoff' | 'budget'>> | undefined
  readonly failureStatuses: readonly number[]
  readonly preserveHost: boolean
  readonly openapi: string | undefined
  readonly policies: PolicySet
  /** Two configurations with the same one differ, but for TLS, in nothing that its instances and their connections depend on. */
  readonly identity: string
}

const status = number({ min: 100, max: 599, integer: true })
const ms = number({ above: 0, infinite: true })
const flag = either(boolean, object)
const off = either(oneOf(false), object)

export const TIMEOUT_RULES: Rules<TimeoutsConfig> = { connectMs: ms, responseMs: ms, idleMs: ms, totalMs: ms }

const RULES: Rules<ServiceConfig> = {
  url: {
    expected: "a URL such as 'http://users:8000', without credentials and query",
    accepts: isServiceUrl,
  },
  instances: either(withMethods('an EndpointSource', 'ready', 'watch'), {
    expected: 'an array of instances',
    accepts: Array.isArray,
  }),
  protocol: oneOf('http', 'https'),
  tls: object,
  tlsName: nonEmptyText,
  path: either(oneOf(false), { expected: "a path such as '/people'", accepts: isPath }),
  balancing: oneOf(...Object.keys(STRATEGIES)),
  hashHeader: nonEmptyText,
  healthCheck: flag,
  outlierDetection: off,
  connections: object,
  timeouts: object,
  retry: flag,
  breaker: flag,
  bulkhead: off,
  concurrencyLimit: flag,
  failureStatuses: arrayOf(status),
  preserveHost: boolean,
  openapi: { expected: "a path such as '/openapi.json'", accepts: isPath },
}

const TLS_RULES: Rules<UpstreamTls> = { ...TLS_MATERIAL_RULES, serverName: nonEmptyText }

const HEALTH_RULES: Rules<ActiveHealthConfig> = {
  path: { expected: "a path such as '/health'", accepts: isPath },
  intervalMs: number({ above: 0 }),
  timeoutMs: number({ above: 0 }),
  unhealthyAfter: number({ min: 1, integer: true }),
  healthyAfter: number({ min: 1, integer: true }),
}

const RETRY_RULES: Rules<RetryConfig> = {
  maxRetries: number({ min: 0, integer: true }),
  statuses: arrayOf(status),
  backoff: object,
  budget: off,
  replayBytes: number({ min: 0, integer: true }),
}

const CONNECTION_RULES: Rules<ConnectionLimits> = {
  maxConnections: number({ min: 1, integer: true, infinite: true }),
  maxKeepaliveConnections: number({ min: 0, integer: true, infinite: true }),
  keepaliveExpiryMs: number({ min: 1, max: 2_147_483_647, integer: true }),
}

/** @returns undefined when something is wrong, which is then among the problems */
export function resolveService(name: string, given: string | ServiceConfig, problems: Problems): Service | undefined {
  const key = `services.${name}`
  const config: ServiceConfig = typeof given === 'string' ? { url: given } : given
  const before = problems.count
  if (typeof given === 'string') problems.check(key, given, RULES.url)
  else if (!problems.options(key, config, RULES)) return undefined
  const { tls, healthCheck, retry, connections, timeouts } = config
  if ((config.url === undefined) === (config.instances === undefined))
    problems.note(key, config.url === undefined ? 'neither' : 'both', 'an object with either url or instances')
  if (config.url !== undefined && config.protocol !== undefined)
    problems.add(`${key}.protocol`, config.protocol, 'left out where there is a url')
  if (config.protocol === 'http' || /^http:/i.test(config.url ?? '')) {
    const where = "left out where a service is called by 'http'"
    for (const name of ['tls', 'tlsName'] as const) if (config[name] !== undefined) problems.note(`${key}.${name}`, 'some', where)
  }
  if (tls !== undefined && !(tls instanceof TlsReloader) && problems.options(`${key}.tls`, tls, TLS_RULES)) {
    if (tls.serverName !== undefined && config.tlsName !== undefined)
      problems.add(`${key}.tls.serverName`, tls.serverName, 'left out where there is a tlsName')
  }
  if (typeof healthCheck === 'object') problems.options(`${key}.healthCheck`, healthCheck, HEALTH_RULES)
  if (typeof retry === 'object') problems.options(`${key}.retry`, retry, RETRY_RULES)
  if (connections !== undefined)
    problems.options(`${key}.connections`, connections, CONNECTION_RULES as Rules<typeof connections>)
  if (timeouts !== undefined) problems.options(`${key}.timeouts`, timeouts, TIMEOUT_RULES)
  if (config.instances !== undefined && Array.isArray(config.instances)) {
    if (config.instances.length === 0) problems.add(`${key}.instances`, config.instances, 'at least one instance')
    problems.attempt(
      () => staticEndpoints(config.instances as readonly string[]),
      (inner) => `${key}.instances (${inner})`,
    )
  }
  return problems.count > before ? undefined : build(name, config)
}

function build(name: string, config: ServiceConfig): Service {
  const { url, healthCheck, retry, balancing = 'powerOfTwoChoices', outlierDetection = {} } = config
  const parsed = url === undefined ? undefined : new URL(url)
  const isEncrypted = config.tls !== undefined || config.tlsName !== undefined
  const protocol =
    parsed === undefined
      ? (config.protocol ?? (isEncrypted ? 'https' : 'http'))
      : (parsed.protocol.slice(0, -1) as 'http' | 'https')
  const health = healthCheck === true ? {} : healthCheck === false ? undefined : healthCheck
  const { path: healthPath = '/health', ...timing } = health ?? {}
  const tries = retry === false ? undefined : { ...RETRY_DEFAULTS, ...(retry === true ? {} : retry) }
  const connections = { ...CONNECTION_DEFAULTS, ...config.connections }
  const instances = parsed === undefined ? (config.instances as Service['instances']) : [instanceOf(parsed, protocol)]
  const basePath = parsed === undefined ? '' : parsed.pathname.replace(/\/$/, '')
  const resolvedHealth = health === undefined ? undefined : { path: healthPath, timing }
  return {
    name,
    protocol,
    // A name alone is verified by the platform's authorities.
    tls: config.tls ?? (config.tlsName === undefined ? undefined : {}),
    tlsName: config.tlsName,
    basePath,
    instances,
    path: config.path,
    balancing,
    hashHeader: config.hashHeader?.toLowerCase(),
    healthCheck: resolvedHealth,
    outlierDetection,
    connections,
    timeouts: config.timeouts,
    retry: tries,
    failureStatuses: config.failureStatuses ?? [500, 502, 503, 504],
    preserveHost: config.preserveHost ?? false,
    openapi: config.openapi,
    policies: policiesOf(config, tries),
    identity: JSON.stringify([protocol, basePath, balancing, resolvedHealth, outlierDetection, connections]),
  }
}

/** Core's policies, in core's order; what they need to know of a call is asked of the call. */
function policiesOf(config: ServiceConfig, tries: Service['retry']): PolicySet {
  const { retry, breaker = {}, bulkhead, concurrencyLimit } = config
  const { backoff, budget = {} } = typeof retry === 'object' ? retry : {}
  return {
    ...(tries === undefined || tries.maxRetries === 0
      ? {}
      : {
          retry: {
            maxRetries: tries.maxRetries,
            classify: verdictOf,
            isSafe: isSafeToRepeat,
            backoff: backoff ?? { type: 'exponential', baseMs: 25, maxMs: 1000 },
            ...(budget === false ? {} : { budget }),
          },
        }),
    ...(breaker === false ? {} : { breaker: { ...(breaker === true ? {} : breaker), classify: verdictOf } }),
    ...(bulkhead === undefined || bulkhead === false ? {} : { bulkhead }),
    ...(concurrencyLimit === undefined || concurrencyLimit === false ? {} : { concurrencyLimit }),
  }
}

function instanceOf({ hostname, port }: URL, protocol: 'http' | 'https'): Instance {
  const host = hostname.replace(/^\[|\]$/g, '')
  const resolved = port === '' ? (protocol === 'https' ? 443 : 80) : Number(port)
  return { id: host.includes(':') ? `[${host}]:${resolved}` : `${host}:${resolved}`, host, port: resolved }
}

function isServiceUrl(value: unknown): boolean {
  if (typeof value !== 'string' || !URL.canParse(value)) return false
  const { protocol, hostname, username, password, search, hash } = new URL(value)
  return /^https?:$/.test(protocol) && hostname !== '' && username + password + search + hash === ''
}

export function isPath(value: unknown): boolean {
  return typeof value === 'string' && /^\/[^?#\s]*$/.test(value)
}
