import { generate } from 'selfsigned'

/** PEM texts: an authority made for one test and a leaf signed by it, good for `localhost`, `127.0.0.1` and `::1`. */
export interface TlsFiles {
  readonly ca: string
  readonly cert: string
  readonly key: string
}

/** The leaf serves and calls: servers present it, and clients may where a server asks for a certificate. */
export async function createTlsFiles(): Promise<TlsFiles> {
  const authority = await generate([{ name: 'commonName', value: 'comm test authority' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  })
  const leaf = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    ca: { key: authority.private, cert: authority.cert },
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
          { type: 7, ip: '::1' },
        ],
      },
    ],
  })
  return { ca: authority.cert, cert: leaf.cert, key: leaf.private }
}
