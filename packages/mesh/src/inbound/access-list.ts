import type { Principal } from '@comm/core'
import { arrayOf, checkOptions, object } from '@comm/core/options'
import { type AllowedIdentity, type AlternativeNames, identityList } from '@comm/security/mtls'

export interface AccessConfig {
  /** Who may call, and as what; an empty list is nobody. @default everybody with a certificate of the authority */
  readonly allow?: readonly AllowedIdentity[]
  /** Who may not, whatever `allow` says. @default nobody */
  readonly deny?: readonly AllowedIdentity[]
}

/** The lists, ready to be asked. */
export interface AccessList {
  /** Whom `allow` lets in, as what it says; `anybody`: there is no such list. */
  decide(names: AlternativeNames): Principal | 'anybody' | 'denied' | 'not-allowed'
}

/** @throws ConfigurationError with every problem of a list at once */
export function accessList(config: AccessConfig): AccessList {
  const list = { ...arrayOf(object), expected: 'an array of identities such as { spiffeId }' }
  checkOptions<AccessConfig>('mesh.access', config, { allow: list, deny: list })
  const allow = config.allow && identityList('mesh.access.allow', config.allow)
  const deny = identityList('mesh.access.deny', config.deny ?? [])
  // With several URIs a certificate is no SVID, so that a SPIFFE id in it lets nobody in; it keeps one out all the same.
  const isDenied = (names: AlternativeNames): boolean =>
    deny.find(names) !== undefined ||
    (names.uris.length > 1 && names.uris.some((uri) => deny.find({ ...names, uris: [uri] }) !== undefined))
  return {
    decide(names) {
      if (isDenied(names)) return 'denied'
      return allow === undefined ? 'anybody' : (allow.find(names) ?? 'not-allowed')
    },
  }
}
