import { AuthenticationError, CommunicationError } from '@comm/core'
import { errors } from 'jose'
import { type RefusalReason, refused } from '../refusal.ts'

const CLAIM_REASONS: Readonly<Record<string, RefusalReason>> = {
  iss: 'issuer',
  aud: 'audience',
  nbf: 'not-yet-valid',
  iat: 'not-yet-valid',
  typ: 'type',
}

/** What jose threw, as one of our errors. jose's claim errors carry the claims, so they are no `cause`: that may be logged. */
export function fromJose(thrown: unknown): CommunicationError {
  if (thrown instanceof errors.JWTExpired) {
    const what = thrown.claim === 'exp' ? 'has expired' : 'is older than maxAgeMs allows'
    return refused('expired', `the token ${what}`, 'COMM_TOKEN_EXPIRED')
  }
  if (thrown instanceof errors.JWTClaimValidationFailed) {
    const { claim, reason } = thrown
    if (reason === 'missing') return refused('claim-missing', `the token has no claim ${claim}`)
    return refused(CLAIM_REASONS[claim] ?? 'claim', `the claim ${claim} of the token is not what is expected here`)
  }
  if (thrown instanceof errors.JWSSignatureVerificationFailed) {
    return refused('signature', 'the signature was not made over this content with this key')
  }
  if (thrown instanceof errors.JOSEAlgNotAllowed) return refused('algorithm-not-allowed', 'the algorithm is not allowed')
  if (thrown instanceof errors.JOSENotSupported)
    return refused('critical-header', 'the header asks for something that is not known here')
  if (thrown instanceof errors.JWSInvalid || thrown instanceof errors.JWTInvalid) {
    return refused('malformed', 'the token is not a JWS with the claims of a JWT')
  }
  if (thrown instanceof AuthenticationError) return thrown
  return CommunicationError.from(thrown)
}

export function isSignatureMismatch(thrown: unknown): boolean {
  return thrown instanceof errors.JWSSignatureVerificationFailed
}
