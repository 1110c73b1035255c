import { X509Certificate } from 'node:crypto'

/** The names of a certificate (RFC 5280, 4.2.1.6). */
export interface AlternativeNames {
  readonly uris: readonly string[]
  readonly dnsNames: readonly string[]
  readonly emails: readonly string[]
}

/** @param der the certificate @throws Error when it is none */
export function alternativeNames(der: Uint8Array): AlternativeNames {
  const text = new X509Certificate(der).subjectAltName ?? ''
  const found: Record<string, string[]> = { URI: [], DNS: [], email: [] }
  for (const [kind, name] of entriesOf(text)) found[kind]?.push(name)
  return { uris: found['URI'] ?? [], dnsNames: found['DNS'] ?? [], emails: found['email'] ?? [] }
}

/**
 * Reads `DNS:a.test, URI:"spiffe://x/a, DNS:b"`: Node quotes a name as a JSON string when it holds anything that could be taken for
 * another entry (CVE-2021-44532).
 */
const ENTRY = /([A-Za-z ]+):(?:("(?:[^"\\]|\\.)*")|([^",]*))(?:, |$)/y

function* entriesOf(text: string): Generator<readonly [kind: string, name: string]> {
  ENTRY.lastIndex = 0
  while (ENTRY.lastIndex < text.length) {
    const match = ENTRY.exec(text)
    if (match === null) throw new Error('the names of the certificate cannot be read')
    const [, kind = '', quoted, plain = ''] = match
    yield [kind, quoted === undefined ? plain : (JSON.parse(quoted) as string)]
  }
}
