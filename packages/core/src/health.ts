import { CommunicationError } from './errors/errors.ts'

/** `degraded` works, but not as it should; only `down` makes the whole unhealthy. */
export type HealthStatus = 'up' | 'degraded' | 'down'

export interface Health {
  readonly status: HealthStatus
  /** Why it is not `up`, for people. */
  readonly reason?: string
  readonly details?: Readonly<Record<string, unknown>>
}

export const UP: Health = Object.freeze({ status: 'up' })

/** The health of what failed when it was asked. */
export function downBecause(thrown: unknown): Health {
  return { status: 'down', reason: CommunicationError.from(thrown).message }
}
