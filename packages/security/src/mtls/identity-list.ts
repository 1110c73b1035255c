import type { Principal } from '@comm/core'
import { configurationError, describeValue } from '@comm/core/options'
import { parseSpiffeId } from './spiffe-id.ts'
import type { AlternativeNames } from './subject-alt-names.ts'

/** Who may come in with a certificate, and as what. One of `spiffeId`, `trustDomain`, `dns` and `uri`. */
export interface AllowedIdentity {
  /** A whole SPIFFE id, or one that ends in `/*` for everything below. */
  readonly spiffeId?: string
  /** Every SPIFFE id of this trust domain. */
  readonly trustDomain?: string
  /** A DNS name of the certificate, exactly. */
  readonly dns?: string
  /** Any other URI of the certificate, exactly. */
  readonly uri?: string
  /** @default the name that matched */
  readonly subject?: string
  readonly scopes?: readonly string[]
  readonly roles?: readonly string[]
}

const KINDS = ['spiffeId', 'trustDomain', 'dns', 'uri'] as const
const MEMBERS: ReadonlySet<string> = new Set([...KINDS, 'subject', 'scopes', 'roles'])

/** Finds callers by the names in their certificates. */
export interface IdentityList {
  /** As what the first entry that fits lets it in; undefined: none fits. */
  find(names: AlternativeNames): Principal | undefined
}

/**
 * A list of who is meant, to allow or to deny.
 * @param what names it in messages
 * @throws ConfigurationError with every problem at once
 */
export function identityList(what: string, identities: readonly AllowedIdentity[]): IdentityList {
  const list = checked(what, identities).map((identity) => ({ ...identity }))
  return {
    find(names) {
      for (const identity of list) {
        const name = nameFor(identity, names)
        if (name !== undefined) return principalOf(identity, name, names)
      }
      return undefined
    },
  }
}

function nameFor({ spiffeId, trustDomain, dns, uri }: AllowedIdentity, names: AlternativeNames): string | undefined {
  if (dns !== undefined) return names.dnsNames.find((name) => name.toLowerCase() === dns.toLowerCase())
  if (uri !== undefined) return names.uris.find((name) => name === uri)
  // X.509-SVID section 2: exactly one URI, or the certificate is no SVID.
  const [id] = names.uris
  if (id === undefined || names.uris.length > 1) return undefined
  const parsed = parseSpiffeId(id)
  if (parsed === undefined) return undefined
  if (trustDomain !== undefined) return parsed.trustDomain === trustDomain ? id : undefined
  const below = spiffeId?.endsWith('/*') ? spiffeId.slice(0, -1) : undefined
  return below === undefined ? (id === spiffeId ? id : undefined) : id.startsWith(below) ? id : undefined
}

function principalOf({ subject, scopes = [], roles = [] }: AllowedIdentity, name: string, names: AlternativeNames): Principal {
  const id = parseSpiffeId(name)
  return {
    subject: subject ?? name,
    method: 'mtls',
    ...(id === undefined ? {} : { issuer: id.trustDomain }),
    scopes,
    roles,
    attributes: { name, ...names },
  }
}

/** @throws ConfigurationError with every problem at once */
function checked(what: string, identities: readonly AllowedIdentity[]): readonly AllowedIdentity[] {
  const list: readonly unknown[] = Array.isArray(identities) ? identities : [identities]
  const problems = list.flatMap((value, at) => {
    const key = `${what}[${at}]`
    if (typeof value !== 'object' || value === null) return [{ key, received: describeValue(value), expected: 'an object' }]
    const identity = value as Readonly<Record<string, unknown>>
    const wrong = Object.entries(identity).flatMap(([name, given]) => {
      if (!MEMBERS.has(name))
        return [
          { key: `${key}.${name}`, received: describeValue(given), expected: `absent: known are ${[...MEMBERS].join(', ')}` },
        ]
      const fits = name === 'scopes' || name === 'roles' ? isTexts(given) : typeof given === 'string' && given !== ''
      const expected = name === 'scopes' || name === 'roles' ? 'an array of strings' : 'a non-empty string'
      return fits || given === undefined ? [] : [{ key: `${key}.${name}`, received: describeValue(given), expected }]
    })
    const given = KINDS.filter((kind) => identity[kind] !== undefined)
    if (given.length !== 1)
      wrong.push({ key, received: given.join(' and ') || 'none', expected: `an identity with one of ${KINDS.join(', ')}` })
    const { spiffeId } = identity
    if (typeof spiffeId === 'string' && parseSpiffeId(spiffeId.replace(/\/\*$/, '/x')) === undefined) {
      wrong.push({ key: `${key}.spiffeId`, received: describeValue(spiffeId), expected: 'a SPIFFE id, or one that ends in /*' })
    }
    return wrong
  })
  if (problems.length > 0) throw configurationError(what, problems)
  return list as readonly AllowedIdentity[]
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}
