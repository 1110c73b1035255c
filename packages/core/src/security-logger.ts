import type { Logger } from './logger.ts'

/** Who or what did something, as far as known. Never a password, a token or a key: what was presented is not an identity. */
export interface SecurityActor {
  /** The user, service or client, as the authentication names it. */
  readonly subject?: string
  /** Address of the peer. */
  readonly address?: string
  /** How the actor was, or was to be, authenticated: `jwt`, `api-key`, `mtls` … */
  readonly method?: string
}

export interface AuthenticationEvent extends SecurityActor {
  readonly outcome: 'success' | 'failure'
  readonly method: string
  /** Why it failed. */
  readonly reason?: string
  /** The error's code. */
  readonly code?: string
}

export interface AuthorizationEvent extends SecurityActor {
  readonly outcome: 'allowed' | 'denied'
  /** What was to be done: `GET`, `publish`, `orders:write` … */
  readonly action: string
  /** To what. */
  readonly resource: string
  readonly reason?: string
}

export interface SuspiciousEvent extends SecurityActor {
  /** Stable and short, for counting: `token-replayed`, `rate-limit-abuse` … */
  readonly kind: string
  readonly severity: 'low' | 'medium' | 'high'
  readonly reason: string
  /** Facts for the one who looks into it. */
  readonly details?: Readonly<Record<string, unknown>>
}

/**
 * Writes security events as lines of the logger named `security`: `event` (`authentication`, `authorization`, `suspicious`) and
 * the fields of the event under `security`. The shape is stable, so that alerts can be built on it.
 */
export interface SecurityLogger {
  /** `info` on success, `warn` on failure. */
  authentication(event: AuthenticationEvent): void
  /** `info` when allowed, `warn` when denied. */
  authorization(event: AuthorizationEvent): void
  /** `warn`; `error` when the severity is high. */
  suspicious(event: SuspiciousEvent): void
}

export function securityLogger(logger: Logger): SecurityLogger {
  const security = logger.child({ logger: 'security' })
  return {
    authentication(event) {
      const level = event.outcome === 'success' ? 'info' : 'warn'
      security[level](`authentication ${event.outcome}`, { event: 'authentication', security: { ...event } })
    },
    authorization(event) {
      const level = event.outcome === 'allowed' ? 'info' : 'warn'
      security[level](`authorization ${event.outcome}`, { event: 'authorization', security: { ...event } })
    },
    suspicious(event) {
      const level = event.severity === 'high' ? 'error' : 'warn'
      security[level](`suspicious activity: ${event.kind}`, { event: 'suspicious', security: { ...event } })
    },
  }
}
