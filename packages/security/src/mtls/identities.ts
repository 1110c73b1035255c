import { describeValue } from '@comm/core/options'
import type { Authenticator } from '../gate/authenticator.ts'
import type { Credentials } from '../gate/credentials.ts'
import { refused } from '../refusal.ts'
import { type AllowedIdentity, identityList } from './identity-list.ts'
import { type AlternativeNames, alternativeNames } from './subject-alt-names.ts'

/** Callers by their client certificates. */
export interface MtlsIdentities extends Authenticator {
  readonly method: 'mtls'
  /** Replaces the list: who is not in it is refused from the next call on, on connections that stand already, too. @throws ConfigurationError */
  allow(identities: readonly AllowedIdentity[]): void
}

/**
 * Makes principals of client certificates: the list says who is let in. The server has to ask for certificates
 * (`requestCert: true`) and to verify them; one that is not verified is refused here.
 * @throws ConfigurationError
 */
export function mtlsIdentities(allowed: readonly AllowedIdentity[]): MtlsIdentities {
  let current = identityList('mtlsIdentities', allowed)
  return {
    method: 'mtls',
    allow(identities) {
      current = identityList('mtlsIdentities', identities)
    },
    authenticate({ certificate }: Credentials) {
      if (certificate === undefined) return undefined
      if (!certificate.isVerified) {
        throw refused(
          'unverified',
          `the client certificate is not verified: ${certificate.problem ?? 'unknown authority'}`,
          'COMM_AUTHENTICATION',
        )
      }
      const names = namesOf(certificate.raw)
      const principal = current.find(names)
      if (principal !== undefined) return principal
      const shown = [...names.uris, ...names.dnsNames].slice(0, 3).map(describeValue).join(', ')
      throw refused(
        'not-allowed',
        `no entry of the allow list fits the client certificate for ${shown || 'nobody'}`,
        'COMM_AUTHENTICATION',
      )
    },
  }
}

function namesOf(der: Uint8Array): AlternativeNames {
  try {
    return alternativeNames(der)
  } catch (cause) {
    throw refused('malformed', 'the client certificate cannot be read', 'COMM_AUTHENTICATION', { cause })
  }
}
