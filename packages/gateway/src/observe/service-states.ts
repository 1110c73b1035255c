import type { Health } from '@comm/core'
import type { Upstream } from '../upstream/upstream.ts'

/** A service as the gateway sees it. */
export interface ServiceState {
  readonly instances: number
  /** Those that are called. */
  readonly available: number
  readonly inFlight: number
}

export function statesOf(upstreams: ReadonlyMap<string, Upstream>): Readonly<Record<string, ServiceState>> {
  return Object.fromEntries(
    [...upstreams].map(([name, { balancer, inFlight }]) => {
      const { instances } = balancer
      const available = instances.filter(({ isHealthy, isEjected }) => isHealthy && !isEjected).length
      return [name, { instances: instances.length, available, inFlight }]
    }),
  )
}

/** A service without instances makes the gateway worse, not sick: its other routes work. */
export function healthOf(upstreams: ReadonlyMap<string, Upstream>): Record<string, Health> {
  return Object.fromEntries(
    Object.entries(statesOf(upstreams)).map(([name, { instances, available }]): [string, Health] => {
      const problem = upstreams.get(name)?.tls?.problem
      if (problem !== undefined) return [name, { status: 'degraded', reason: problem.message }]
      if (available === instances && instances > 0) return [name, { status: 'up' }]
      return [name, { status: 'degraded', reason: `${available} of ${instances} instances can be called` }]
    }),
  )
}
