import type { Logger, Principal } from '@comm/core'
import { bearer, type Gate, gate } from '@comm/security'
import { jwtVerifier } from '@comm/security/jwt'
import { requireScopes } from '@comm/security/policy'
import { AUDIENCE, ISSUER, inSeconds, otherRsa, publicJwk, rsa, token } from '../support/tokens.ts'

/** One row of the table that every adapter runs over. */
export interface AccessCase {
  readonly name: string
  readonly make: () => Promise<string> | undefined
  readonly status: 200 | 401 | 403
  /** What the security log says. */
  readonly audited: Readonly<Record<string, unknown>>
}

export const CASES: readonly AccessCase[] = [
  {
    name: 'no credential',
    make: () => undefined,
    status: 401,
    audited: { outcome: 'failure', code: 'COMM_CREDENTIALS_MISSING', reason: expect_('missing') },
  },
  {
    name: 'a wrong one',
    make: () => token({ key: otherRsa.privateKey }),
    status: 401,
    audited: { outcome: 'failure', code: 'COMM_TOKEN_INVALID', reason: expect_('signature') },
  },
  {
    name: 'an expired one',
    make: () => token({ claims: { exp: inSeconds(-60) } }),
    status: 401,
    audited: { outcome: 'failure', code: 'COMM_TOKEN_EXPIRED', reason: expect_('expired') },
  },
  {
    name: 'an insufficient one',
    make: () => token({ claims: { scope: 'other' } }),
    status: 403,
    audited: { outcome: 'denied', subject: 'billing', reason: 'it lacks the scope orders:read' },
  },
  {
    name: 'the right one',
    make: () => token(),
    status: 200,
    audited: { outcome: 'allowed', subject: 'billing', method: 'jwt' },
  },
]

/** Matches `reason: …`. */
function expect_(reason: string): unknown {
  return { asymmetricMatch: (value: unknown) => String(value).startsWith(`${reason}: `), toString: () => `${reason}: …` }
}

export function ordersGate(logger: Logger): Gate {
  const keys = [{ jwk: publicJwk(rsa.publicKey, 'k1') }]
  const verifier = jwtVerifier({ algorithms: ['RS256'], keys, issuer: ISSUER, audience: AUDIENCE })
  return gate({ authenticators: [bearer(verifier)], policy: requireScopes('orders:read'), logger })
}

/** What reached the handler, told by the call context and, where there is one, by the request. */
export interface Seen {
  readonly current: Principal | undefined
  readonly ofRequest?: Principal | undefined
}
