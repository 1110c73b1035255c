import { AuthenticationError, type ErrorCode, ServiceUnavailableError } from '@comm/core'

/** Why a credential was refused; stable, for logs and alerts, never for the caller. */
export type RefusalReason =
  /** Nothing was presented. */
  | 'missing'
  /** It is not what its form says: parts, encoding, JSON. */
  | 'malformed'
  | 'too-large'
  /** A member of the header or the claims is there twice. */
  | 'duplicate-key'
  | 'algorithm-not-allowed'
  /** The header says that something is critical that nobody here knows. */
  | 'critical-header'
  | 'unknown-key'
  | 'signature'
  | 'expired'
  | 'not-yet-valid'
  | 'issuer'
  | 'audience'
  | 'type'
  | 'claim-missing'
  | 'claim'
  /** It is bound to another certificate (RFC 8705). */
  | 'certificate-binding'
  /** The issuer says that it does not hold (RFC 7662). */
  | 'inactive'
  | 'revoked'
  /** The certificate was not verified against a trusted authority. */
  | 'unverified'
  /** The identity is right, and nobody let it in. */
  | 'not-allowed'
  | 'replayed'
  | 'stale'

/** @param message says what was expected and received, never the credential itself */
export function refused(
  reason: RefusalReason,
  message: string,
  code: ErrorCode = 'COMM_TOKEN_INVALID',
  options: { readonly cause?: unknown; readonly details?: Readonly<Record<string, unknown>> } = {},
): AuthenticationError {
  const { cause, details } = options
  return new AuthenticationError(message, {
    code,
    details: { reason, ...details },
    ...(cause === undefined ? {} : { cause }),
  })
}

/** Nobody can tell now whether a credential is right. @param retryAfterMs when to ask again */
export function undecided(message: string, cause: unknown, retryAfterMs?: number): ServiceUnavailableError {
  const details = retryAfterMs === undefined ? {} : { retryAfterMs: Math.max(0, Math.ceil(retryAfterMs)) }
  return new ServiceUnavailableError(message, { code: 'COMM_KEYS_UNAVAILABLE', cause, details })
}

/** Why, as told by an error of this package; undefined for every other. */
export function reasonOf(error: { readonly details: Readonly<Record<string, unknown>> }): RefusalReason | undefined {
  const reason = error.details['reason']
  return typeof reason === 'string' ? (reason as RefusalReason) : undefined
}
