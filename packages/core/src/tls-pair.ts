import { ConfigurationError } from './errors/errors.ts'
import type { TlsMaterial } from './tls.ts'

/**
 * Finds out whether a TLS connection can be made with it: everything parses, and certificate and key belong together.
 * @param what names the options in messages
 * @throws ConfigurationError
 */
export function checkTlsMaterial(what: string, { ca, cert, key, passphrase }: TlsMaterial): void {
  // Loaded when first needed: node:tls costs more time than the rest of this package.
  const { createSecureContext } = process.getBuiltinModule('node:tls')
  const { X509Certificate, createPrivateKey } = process.getBuiltinModule('node:crypto')
  if ((cert === undefined) !== (key === undefined)) {
    const [there, missing] = cert === undefined ? ['key', 'certificate'] : ['certificate', 'key']
    throw new ConfigurationError(`${what} has a ${there} without its ${missing}; give both, or neither`)
  }
  // OpenSSL takes what there is of a bundle that was cut off, without a word.
  const certificatesIn = (pem: string | Buffer) => parsePem(String(pem)).map((block) => new X509Certificate(block))
  if (ca !== undefined) parsed(`${what} authority`, () => certificatesIn(ca))
  if (cert !== undefined && key !== undefined) {
    const [leaf] = parsed(`${what} certificate`, () => certificatesIn(cert))
    const privateKey = parsed(`${what} key`, () => createPrivateKey({ key, ...(passphrase !== undefined && { passphrase }) }))
    if (leaf?.checkPrivateKey(privateKey) === false) {
      throw new ConfigurationError(`${what} certificate and key do not belong together: ${leaf.subject} has another key`)
    }
  }
  parsed(`${what} material`, () => createSecureContext({ ca, cert, key, passphrase }))
}

const CERTIFICATE = /-----BEGIN ((?:X509 |TRUSTED )?CERTIFICATE)-----[^-]+-----END \1-----/g

function parsePem(pem: string): readonly string[] {
  const whole = pem.match(CERTIFICATE) ?? []
  const begun = pem.match(/-----BEGIN /g) ?? []
  if (whole.length === 0) throw new Error('it holds no PEM certificate')
  if (begun.length > whole.length) throw new Error('it ends in the middle, or holds other things than certificates')
  if (/-----END [^-]+-----[^\S\r\n]*\S/.test(pem)) throw new Error('a line goes on behind the end of a certificate')
  return whole
}

function parsed<Result>(what: string, parse: () => Result): Result {
  try {
    return parse()
  } catch (cause) {
    throw new ConfigurationError(`${what} cannot be used: ${(cause as Error).message}`, { cause })
  }
}
