import { AuthorizationError, CommunicationError, type Logger, type Principal, securityLogger, silentLogger } from '@comm/core'
import { arrayOf, boolean, callable, checkOptions, required, withMethods } from '@comm/core/options'
import type { AccessRequest, Policy } from '../policy/policy.ts'
import { reasonOf, refused } from '../refusal.ts'
import type { Authenticator } from './authenticator.ts'
import type { Credentials } from './credentials.ts'

export interface GateOptions {
  /** Asked in this order, until one finds something to look at. */
  readonly authenticators: readonly Authenticator[]
  /** What a caller may do; `authenticated()` lets everybody do everything who is known. */
  readonly policy: Policy
  /** Gets an audit line for each refusal and each acceptance. @default silentLogger */
  readonly logger?: Logger
  /** False: acceptances are not logged. @default true */
  readonly auditAccepted?: boolean
}

/** Lets callers in or does not, and keeps a record of it. The adapters for servers are built on one. */
export interface Gate {
  /**
   * @param policy in place of the gate's own, for one route
   * @throws AuthenticationError nobody knows who it is
   * @throws AuthorizationError it may not do this; `details.reason` says why
   * @throws ServiceUnavailableError nobody can tell now. Whatever else is thrown: not let in
   */
  admit(credentials: Credentials, request: AccessRequest, policy?: Policy, signal?: AbortSignal): Promise<Principal>
}

/** @throws ConfigurationError */
export function gate(options: GateOptions): Gate {
  checkOptions<GateOptions>('gate', options, {
    authenticators: required({
      expected: 'an array of at least one Authenticator (with authenticate())',
      accepts: (value) => Array.isArray(value) && value.length > 0 && arrayOf(withMethods('', 'authenticate')).accepts(value),
    }),
    policy: required(callable),
    logger: withMethods('a Logger', 'child', 'info', 'warn', 'isEnabled'),
    auditAccepted: boolean,
  })
  const { authenticators, policy: own, logger = silentLogger, auditAccepted = true } = options
  const audit = securityLogger(logger)
  const auditsAccepted = auditAccepted && logger.isEnabled('info')

  return {
    async admit(credentials, request, policy = own, signal) {
      const { action, resource } = request
      const address = credentials.address === undefined ? {} : { address: credentials.address }
      const principal = await authenticate(credentials, address, signal)
      const { subject, method } = principal
      const decision = decide(policy, principal, request)
      if (!decision.allowed) {
        audit.authorization({ outcome: 'denied', action, resource, reason: decision.reason, subject, method, ...address })
        throw new AuthorizationError(`${subject} may not ${action} ${resource}: ${decision.reason}`, {
          details: { subject, action, resource, reason: decision.reason },
        })
      }
      if (auditsAccepted) audit.authorization({ outcome: 'allowed', action, resource, subject, method, ...address })
      return principal
    },
  }

  async function authenticate(
    credentials: Credentials,
    address: { readonly address?: string },
    signal: AbortSignal | undefined,
  ): Promise<Principal> {
    let method = 'none'
    try {
      for (const authenticator of authenticators) {
        method = authenticator.method
        const found = await authenticator.authenticate(credentials, signal)
        if (found !== undefined) return found
      }
      method = 'none'
      throw refused('missing', `no credential was presented; accepted are ${accepted()}`, 'COMM_CREDENTIALS_MISSING')
    } catch (thrown) {
      const error = CommunicationError.from(thrown)
      const reason = `${reasonOf(error) ?? 'error'}: ${error.message}`
      audit.authentication({ outcome: 'failure', method, reason, code: error.code, ...address })
      throw error
    }
  }

  function accepted(): string {
    return authenticators.map(({ method }) => method).join(', ')
  }
}

/** A policy that throws has not allowed anything. */
function decide(policy: Policy, principal: Principal, request: AccessRequest): ReturnType<Policy> {
  try {
    return policy(principal, request)
  } catch (thrown) {
    return { allowed: false, reason: `the policy failed: ${CommunicationError.from(thrown).message}` }
  }
}
