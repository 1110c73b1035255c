import { readFile } from 'node:fs/promises'
import type { SecureContextOptions } from 'node:tls'
import { ConfigurationError } from './errors/errors.ts'
import { boolean, checkOptions, either, nonEmptyText, type Rule, secret, text } from './options.ts'

/** How an encrypted connection is made: as PEM texts, or in files. */
export interface TlsOptions {
  /** @default true where the options are given */
  readonly enabled?: boolean
  /** PEM file of the authorities to trust in place of the platform's. */
  readonly caFile?: string
  /** PEM file of the client certificate, for mutual TLS. */
  readonly certFile?: string
  /** PEM file of the client certificate's key. */
  readonly keyFile?: string
  /** The same as PEM texts; they take the place of the files. */
  readonly ca?: string | Uint8Array
  readonly cert?: string | Uint8Array
  readonly key?: string | Uint8Array
  /** Opens the client certificate's key. */
  readonly passphrase?: string
  /** The name expected in the server's certificate, where it is not the host. */
  readonly serverName?: string
}

/** For `tls.connect` and what is built on it. */
export interface TlsMaterial extends Pick<SecureContextOptions, 'passphrase'> {
  ca?: string | Buffer
  cert?: string | Buffer
  key?: string | Buffer
  servername?: string
}

const pem: Rule = either(nonEmptyText, { expected: 'a Uint8Array', accepts: (value) => value instanceof Uint8Array })

/** @param what names the options in messages, such as `rabbitmq.ssl` @throws ConfigurationError */
export function checkTls(what: string, tls: TlsOptions): void {
  checkOptions<TlsOptions>(what, tls, {
    enabled: boolean,
    caFile: nonEmptyText,
    certFile: nonEmptyText,
    keyFile: nonEmptyText,
    ca: pem,
    cert: pem,
    key: secret(pem),
    passphrase: secret(text),
    serverName: nonEmptyText,
  })
}

/**
 * Reads the files. To be called before each connect, so that a renewed certificate needs no restart.
 * @param what names the options in messages
 * @throws ConfigurationError when a file cannot be read
 */
export async function readTls(what: string, tls: TlsOptions): Promise<TlsMaterial> {
  const [ca, cert, key] = await Promise.all([
    tls.ca ?? read(`${what}.caFile`, tls.caFile),
    tls.cert ?? read(`${what}.certFile`, tls.certFile),
    tls.key ?? read(`${what}.keyFile`, tls.keyFile),
  ])
  const { passphrase, serverName: servername } = tls
  const given = Object.entries({ ca, cert, key, passphrase, servername }).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given.map(([name, value]) => [name, value instanceof Uint8Array ? Buffer.from(value) : value]))
}

async function read(option: string, file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new ConfigurationError(`${option} cannot be read: ${(cause as Error).message}`, { cause })
  }
}
