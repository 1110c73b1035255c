import { type Clock, GrpcStatusError, type HealthReport, pause } from '@comm/core'
import type { ServiceImplementation } from 'nice-grpc'
import type { HealthDefinition, HealthCheckResponse_ServingStatus as ServingStatus } from '../generated/grpc/health/v1/health.ts'

/** Who knows how the service is: core's `Lifecycle` and the manager are such. */
export interface HealthSource {
  healthCheck(): Promise<HealthReport>
  /** The service takes calls: it has started and does not stop. */
  readonly isReady: boolean
}

export interface HealthServiceParts {
  /** Absent: the server is healthy while it takes calls. */
  readonly source: HealthSource | undefined
  /** Full names of those that there are. */
  readonly services: ReadonlySet<string>
  readonly watchMs: number
  readonly clock: Clock
  /** Aborts when the server begins to stop. */
  readonly stopping: AbortSignal
}

const SERVING: ServingStatus = 1
const NOT_SERVING: ServingStatus = 2
const SERVICE_UNKNOWN: ServingStatus = 3

/**
 * grpc.health.v1: the server as a whole (`''`) and each of its services are SERVING while it is ready and no component is down.
 * https://github.com/grpc/grpc/blob/master/doc/health-checking.md
 */
export function healthService(parts: HealthServiceParts): ServiceImplementation<typeof HealthDefinition> {
  const { source, services, watchMs, clock, stopping } = parts
  const isKnown = (service: string): boolean => service === '' || services.has(service)
  const statusNow = async (): Promise<ServingStatus> => {
    if (stopping.aborted) return NOT_SERVING
    if (source === undefined) return SERVING
    if (!source.isReady) return NOT_SERVING
    const { isHealthy } = await source.healthCheck()
    return isHealthy ? SERVING : NOT_SERVING
  }
  return {
    async check({ service }) {
      if (!isKnown(service)) throw new GrpcStatusError(`there is no service ${service} here`, { status: 'NOT_FOUND' })
      return { status: await statusNow() }
    },
    async *watch({ service }, { signal }) {
      if (!isKnown(service)) {
        // It may be there later, says the protocol; here it will not, but the stream has to stay open.
        yield { status: SERVICE_UNKNOWN }
        await pause(clock, Number.POSITIVE_INFINITY, signal, stopping)
        return
      }
      let told: ServingStatus | undefined
      while (!signal.aborted) {
        const status = await statusNow()
        if (status !== told) yield { status }
        told = status
        if (stopping.aborted) return
        await pause(clock, watchMs, signal, stopping)
      }
    },
  }
}
