import type { Registration, ServiceInstance } from '../registry.ts'
import type { ConsulHttpCheck } from './options.ts'

/** An entry of `/v1/health/service/:service` (https://developer.hashicorp.com/consul/api-docs/health). */
export interface HealthEntry {
  readonly Node: { readonly Address: string }
  readonly Service: {
    readonly ID: string
    readonly Service: string
    readonly Address: string
    readonly Port: number
    readonly Tags: readonly string[] | null
    readonly Meta: Readonly<Record<string, string>> | null
    readonly Weights?: { readonly Passing: number }
  }
  readonly Checks: readonly { readonly CheckID: string; readonly Status: string }[]
}

/** Meta keys that stand for attributes of an instance; `weight` because Consul's own is a whole number. */
const ATTRIBUTES = ['zone', 'version', 'weight'] as const

/** Ids are unique on the agent, not in the service. */
export function consulId({ service, id }: ServiceInstance): string {
  return `${service}:${id}`
}

export function ttlCheckId(instance: ServiceInstance): string {
  return `${consulId(instance)}:ttl`
}

/** The body of `PUT /v1/agent/service/register` (https://developer.hashicorp.com/consul/api-docs/agent/service). */
export function consulService(
  { instance, ttlMs }: Registration,
  deregisterAfterMs: number,
  check: ConsulHttpCheck | undefined,
): Readonly<Record<string, unknown>> {
  const { service, host, port, weight, zone, version, metadata, tags } = instance
  const meta = { zone, version, weight: weight === undefined ? undefined : String(weight) }
  const given = Object.entries(meta).filter(([, value]) => value !== undefined)
  const DeregisterCriticalServiceAfter = duration(deregisterAfterMs)
  const ttl = {
    CheckID: ttlCheckId(instance),
    Name: 'heartbeat',
    TTL: duration(ttlMs),
    Status: 'passing',
    DeregisterCriticalServiceAfter,
  }
  return {
    ID: consulId(instance),
    Name: service,
    Address: host,
    Port: port,
    Tags: tags ?? [],
    Meta: { ...metadata, ...Object.fromEntries(given) },
    ...(weight === undefined ? {} : { Weights: { Passing: Math.max(1, Math.round(weight)), Warning: 1 } }),
    Checks: [ttl, ...(check === undefined ? [] : [{ ...httpCheck(instance, check), DeregisterCriticalServiceAfter }])],
  }
}

function httpCheck(instance: ServiceInstance, check: ConsulHttpCheck): Readonly<Record<string, unknown>> {
  const { url, intervalMs = 10_000, timeoutMs = 5000, headers = {}, skipTlsVerify = false } = check
  return {
    CheckID: `${consulId(instance)}:http`,
    Name: 'http',
    HTTP: url,
    Interval: duration(intervalMs),
    Timeout: duration(timeoutMs),
    Header: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]])),
    TLSSkipVerify: skipTlsVerify,
    // Listed from the first moment, as its heartbeat is; the first check follows at once.
    Status: 'passing',
  }
}

/** The servers know this of it, and that its heart beats. */
export function isKnown({ Service, Checks }: HealthEntry, instance: ServiceInstance): boolean {
  const { ID, Address, Port, Meta } = Service
  const isSame = ID === consulId(instance) && Address === instance.host && Port === instance.port
  const isAlive = Checks.some(({ CheckID, Status }) => CheckID === ttlCheckId(instance) && Status === 'passing')
  return isSame && isAlive && (Meta?.['version'] ?? '') === (instance.version ?? '')
}

/** Also of services that others registered. */
export function instanceOf({ Node, Service }: HealthEntry): ServiceInstance {
  const { ID, Service: service, Address, Port: port, Tags, Meta, Weights } = Service
  const own = `${service}:`
  const meta = Meta ?? {}
  const metadata = Object.fromEntries(Object.entries(meta).filter(([name]) => !(ATTRIBUTES as readonly string[]).includes(name)))
  const weight = Number(meta['weight'] ?? Weights?.Passing ?? 1)
  return {
    service,
    id: ID.startsWith(own) ? ID.slice(own.length) : ID,
    host: Address || Node.Address,
    port,
    ...(weight > 0 && (meta['weight'] !== undefined || weight !== 1) ? { weight } : {}),
    ...(meta['zone'] ? { zone: meta['zone'] } : {}),
    ...(meta['version'] ? { version: meta['version'] } : {}),
    ...(Object.keys(metadata).length > 0 ? { metadata } : {}),
    ...(Tags && Tags.length > 0 ? { tags: Tags } : {}),
  }
}

/** As Go reads durations. */
export function duration(ms: number): string {
  return `${ms}ms`
}
