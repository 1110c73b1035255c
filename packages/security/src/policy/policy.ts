import type { Principal } from '@comm/core'

/** What somebody wants to do. */
export interface AccessRequest {
  /** `GET`, `publish`, `Check` … */
  readonly action: string
  /** To what: a path, a topic, a full method name. */
  readonly resource: string
  /** What else is known of the call and its resource: owner, tenant, address … */
  readonly attributes?: Readonly<Record<string, unknown>>
}

export type Decision =
  | { readonly allowed: true; readonly reason?: string }
  /** The reason is for logs, and completes `… may not GET /orders: `. */
  | { readonly allowed: false; readonly reason: string }

/** Decides by who asks and what for. Pure and quick; what it throws is a refusal. */
export type Policy = (principal: Principal, request: AccessRequest) => Decision

const ALLOWED: Decision = Object.freeze({ allowed: true })

function unless(missing: string | undefined): Decision {
  return missing === undefined ? ALLOWED : { allowed: false, reason: missing }
}

/** Everybody who is known. */
export function authenticated(): Policy {
  return () => ALLOWED
}

/** Nobody. @param reason @default 'nothing allows it' */
export function denyAll(reason = 'nothing allows it'): Policy {
  const denied: Decision = Object.freeze({ allowed: false, reason })
  return () => denied
}

/** Whoever has all of the scopes. */
export function requireScopes(...scopes: readonly string[]): Policy {
  return ({ scopes: has }) => {
    const missing = scopes.filter((scope) => !has.includes(scope))
    return unless(missing.length === 0 ? undefined : `it lacks the scope ${missing.join(', ')}`)
  }
}

/** Whoever has at least one of the scopes. */
export function requireAnyScope(...scopes: readonly string[]): Policy {
  return ({ scopes: has }) =>
    unless(scopes.some((scope) => has.includes(scope)) ? undefined : `it has none of the scopes ${scopes.join(', ')}`)
}

/** Whoever has all of the roles. */
export function requireRoles(...roles: readonly string[]): Policy {
  return ({ roles: has }) => {
    const missing = roles.filter((role) => !has.includes(role))
    return unless(missing.length === 0 ? undefined : `it lacks the role ${missing.join(', ')}`)
  }
}

/** Whoever has at least one of the roles. */
export function requireAnyRole(...roles: readonly string[]): Policy {
  return ({ roles: has }) =>
    unless(roles.some((role) => has.includes(role)) ? undefined : `it has none of the roles ${roles.join(', ')}`)
}

/** Whatever the function says yes to. @param reason why not, for logs */
export function when(condition: (principal: Principal, request: AccessRequest) => boolean, reason: string): Policy {
  return (principal, request) => unless(condition(principal, request) ? undefined : reason)
}

/** Allowed by every one; the first that does not allow it gives the reason. Of none: denied. */
export function allOf(...policies: readonly Policy[]): Policy {
  if (policies.length === 0) return denyAll()
  return (principal, request) => {
    for (const policy of policies) {
      const decision = policy(principal, request)
      if (!decision.allowed) return decision
    }
    return ALLOWED
  }
}

/** Allowed by at least one. Of none: denied. */
export function anyOf(...policies: readonly Policy[]): Policy {
  if (policies.length === 0) return denyAll()
  return (principal, request) => {
    const reasons: string[] = []
    for (const policy of policies) {
      const decision = policy(principal, request)
      if (decision.allowed) return decision
      reasons.push(decision.reason)
    }
    return { allowed: false, reason: reasons.join('; ') }
  }
}

/** Allowed by nobody whom the policy allows. @param reason why not, for logs */
export function not(policy: Policy, reason: string): Policy {
  return (principal, request) => unless(policy(principal, request).allowed ? reason : undefined)
}
