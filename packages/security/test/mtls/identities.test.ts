import { X509Certificate } from 'node:crypto'
import { type AllowedIdentity, mtlsIdentities } from '@comm/security/mtls'
import { createAuthority } from '@comm/testkit/servers'
import { describe, expect, it } from '@jest/globals'

const authority = await createAuthority()

async function outcome(
  names: { readonly host?: string; readonly uris?: readonly string[] },
  allowed: AllowedIdentity,
): Promise<unknown> {
  const { raw } = new X509Certificate((await authority.issue(names)).cert)
  try {
    const principal = await mtlsIdentities([allowed]).authenticate({
      header: () => undefined,
      certificate: { raw, isVerified: true },
    })
    return principal?.subject
  } catch (error) {
    return (error as { details: { reason: string } }).details.reason
  }
}

const billing = 'spiffe://prod.test/billing/api'

describe('identities of client certificates', () => {
  it.each<[string, { host?: string; uris?: string[] }, AllowedIdentity, string]>([
    ['a SPIFFE id', { uris: [billing] }, { spiffeId: billing }, billing],
    ['all below a path', { uris: [billing] }, { spiffeId: 'spiffe://prod.test/billing/*' }, billing],
    [
      'not what only begins like it',
      { uris: ['spiffe://prod.test/billing-evil/api'] },
      { spiffeId: 'spiffe://prod.test/billing/*' },
      'not-allowed',
    ],
    ['a trust domain', { uris: [billing] }, { trustDomain: 'prod.test', subject: 'somebody' }, 'somebody'],
    ['another trust domain', { uris: ['spiffe://prod.test.evil/billing'] }, { trustDomain: 'prod.test' }, 'not-allowed'],
    ['two URIs are no SPIFFE id', { uris: [billing, 'spiffe://prod.test/other'] }, { spiffeId: billing }, 'not-allowed'],
    ['a DNS name', { host: 'billing.test' }, { dns: 'billing.TEST' }, 'billing.test'],
    ['another DNS name', { host: 'billing.test' }, { dns: 'test' }, 'not-allowed'],
    ['any URI', { uris: ['urn:service:billing'] }, { uri: 'urn:service:billing' }, 'urn:service:billing'],
    ['a name that pretends to be two', { uris: ['urn:x, DNS:admin.test'] }, { dns: 'admin.test' }, 'not-allowed'],
    ['a name that pretends to be a SPIFFE id', { uris: [`urn:x, URI:${billing}`] }, { spiffeId: billing }, 'not-allowed'],
    ['quotes in a name', { uris: [`urn:"x", URI:"${billing}"`] }, { spiffeId: billing }, 'not-allowed'],
  ])('%s', async (_name, names, allowed, expected) => {
    expect(await outcome(names, allowed)).toBe(expected)
  })

  it('without a certificate are those of nobody, and without verification refused', async () => {
    const identities = mtlsIdentities([{ trustDomain: 'prod.test' }])
    const header = (): undefined => undefined
    expect(await identities.authenticate({ header })).toBeUndefined()
    const { raw } = new X509Certificate((await authority.issue({ uris: [billing] })).cert)
    const unverified = { raw, isVerified: false, problem: 'SELF_SIGNED_CERT_IN_CHAIN' }
    expect(() => identities.authenticate({ header, certificate: unverified })).toThrow(
      'the client certificate is not verified: SELF_SIGNED_CERT_IN_CHAIN',
    )
    expect(() => identities.authenticate({ header, certificate: { raw: Buffer.from('no DER'), isVerified: true } })).toThrow(
      'the client certificate cannot be read',
    )
  })
})
