import type { Principal } from '@comm/core'

export type Claims = Readonly<Record<string, unknown>>

/** `scope` (RFC 8693, 4.2: words in one string) or `scp` (words, or a list). */
function scopesOf(claims: Claims): readonly string[] {
  const value = claims['scope'] ?? claims['scp']
  if (typeof value === 'string') return value === '' ? [] : value.split(' ').filter((scope) => scope !== '')
  return textsIn(value)
}

/** `roles` (RFC 9068, 2.2.3.1). */
function rolesOf(claims: Claims): readonly string[] {
  return textsIn(claims['roles'])
}

function textsIn(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
}

/** @param subject already known to be there */
export function principalOf(claims: Claims, subject: string, method: string): Principal {
  const { iss, exp } = claims
  return {
    subject,
    method,
    ...(typeof iss === 'string' ? { issuer: iss } : {}),
    scopes: scopesOf(claims),
    roles: rolesOf(claims),
    attributes: claims,
    ...(typeof exp === 'number' ? { expiresAt: exp * 1000 } : {}),
  }
}
