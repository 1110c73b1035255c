import type { CommunicationConfig } from '@comm/config'
import { backoffOf } from './backoff.ts'
import type { BuildContext } from './build-context.ts'
import { refuseSetting } from './service-finder.ts'

type Options = Readonly<Record<string, unknown>>

/** What `createMesh` is given. @throws ConfigurationError where the service has no name */
export function meshOptions(config: CommunicationConfig, { logger }: BuildContext, discovery: object): Options {
  const { serviceName, serviceVersion: version, mesh } = config
  if (serviceName === undefined) refuseSetting('serviceName', 'none', 'given where there is a mesh')
  const { host, port, zone, ssl } = mesh
  if ((host === undefined) !== (port === undefined))
    refuseSetting(host === undefined ? 'mesh.host' : 'mesh.port', 'none', 'given, since half of the address is')
  const announced = {
    name: serviceName,
    host,
    port,
    ...(version !== undefined && { version }),
    ...(zone !== undefined && { zone }),
  }
  return {
    ...liveMeshOptions(config),
    service: host === undefined ? serviceName : announced,
    discovery,
    logger,
    ...(Object.keys(ssl).length > 0 && { tls: ssl }),
  }
}

/** What may change while the mesh runs. */
export function liveMeshOptions({ mesh: { allow, deny }, meshServices }: CommunicationConfig): Options {
  const policies = Object.fromEntries(
    Object.entries(meshServices).map(([service, { retry, circuitBreaker, bulkhead, timeout }]) => [
      service,
      {
        totalTimeout: { ms: timeout.totalMs },
        retry: retry.enabled && { maxRetries: retry.maxRetries, backoff: backoffOf(retry) },
        breaker: circuitBreaker.enabled && {
          consecutiveFailures: circuitBreaker.failureThreshold,
          openMs: circuitBreaker.recoveryTimeoutMs,
          halfOpenCalls: circuitBreaker.halfOpenMaxCalls,
        },
        bulkhead: bulkhead.enabled && { limit: bulkhead.limit, maxQueue: bulkhead.maxQueue },
        timeout: { ms: timeout.attemptMs },
      },
    ]),
  )
  const access = {
    ...(allow !== undefined && { allow: allow.map(identity) }),
    ...(deny.length > 0 && { deny: deny.map(identity) }),
  }
  return { policies, access, traffic: trafficOf(meshServices) }
}

/** @throws ConfigurationError */
function trafficOf(services: CommunicationConfig['meshServices']): Options {
  const entries = Object.entries(services).flatMap(([service, { traffic }]) => {
    const { split, sticky } = traffic
    if (split === undefined && sticky === undefined) return []
    if (service === '*') refuseSetting('meshServices.*.traffic', 'some', 'that of a service: versions and sessions are its own')
    return [[service, { ...(split && { split }), ...(sticky !== undefined && { sticky: { header: sticky } }) }] as const]
  })
  return Object.fromEntries(entries)
}

function identity(name: string): Options {
  return name.startsWith('spiffe://') ? { spiffeId: name } : { dns: name }
}
