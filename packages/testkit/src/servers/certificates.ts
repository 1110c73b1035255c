import { randomUUID } from 'node:crypto'
import { generate } from 'selfsigned'

/** PEM texts: an authority made for one test and a leaf signed by it, good for `localhost`, `127.0.0.1` and `::1`. */
export interface TlsFiles {
  readonly ca: string
  readonly cert: string
  readonly key: string
}

/** An authority made for one test. */
export interface TestAuthority {
  /** PEM. */
  readonly ca: string
  /** A leaf that serves and calls: servers present it, and clients may where a server asks for a certificate. */
  issue(options?: LeafOptions): Promise<TlsFiles>
}

export interface LeafOptions {
  /** The one name that it is good for. @default localhost, 127.0.0.1 and ::1 */
  readonly host?: string
  /** Beside it, such as a SPIFFE id. @default [] */
  readonly uris?: readonly string[]
  /** @default in a year */
  readonly notAfter?: Date
}

type AltNames = { type: 2 | 6; value: string } | { type: 7; ip: string }

const LOCAL: readonly AltNames[] = [
  { type: 2, value: 'localhost' },
  { type: 7, ip: '127.0.0.1' },
  { type: 7, ip: '::1' },
]

const named = (value: string): AltNames => ({ type: 2, value })
const uri = (value: string): AltNames => ({ type: 6, value })

/** @param name whoever trusts several tells them apart by it */
export async function createAuthority(name = `comm test authority ${randomUUID()}`): Promise<TestAuthority> {
  const authority = await generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  })
  return {
    ca: authority.cert,
    async issue({ host, notAfter, uris = [] } = {}) {
      const leaf = await generate([{ name: 'commonName', value: host ?? 'localhost' }], {
        keyType: 'ec',
        algorithm: 'sha256',
        ca: { key: authority.private, cert: authority.cert },
        ...(notAfter === undefined ? {} : { notBeforeDate: new Date(notAfter.getTime() - 86_400_000), notAfterDate: notAfter }),
        extensions: [
          { name: 'basicConstraints', cA: false, critical: true },
          { name: 'keyUsage', digitalSignature: true, critical: true },
          { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
          { name: 'subjectAltName', altNames: [...(host === undefined ? LOCAL : [named(host)]), ...uris.map(uri)] },
        ],
      })
      return { ca: authority.cert, cert: leaf.cert, key: leaf.private }
    },
  }
}

/** The leaf serves and calls: servers present it, and clients may where a server asks for a certificate. */
export async function createTlsFiles(): Promise<TlsFiles> {
  return (await createAuthority()).issue()
}
