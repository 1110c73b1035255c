/** `degraded` works, but not as it should; only `down` makes the whole unhealthy. */
export type HealthStatus = 'up' | 'degraded' | 'down'

export interface Health {
  readonly status: HealthStatus
  /** Why it is not `up`, for people. */
  readonly reason?: string
  readonly details?: Readonly<Record<string, unknown>>
}

export const UP: Health = Object.freeze({ status: 'up' })
