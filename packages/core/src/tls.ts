import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { SecureContextOptions } from 'node:tls'
import { ConfigurationError } from './errors/errors.ts'
import { boolean, checkOptions, either, nonEmptyText, type Rule, type Rules, secret, text } from './options.ts'

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

/** Of what the material of a connection is made from. */
export const TLS_MATERIAL_RULES: Rules<Omit<TlsOptions, 'enabled' | 'serverName'>> = {
  caFile: nonEmptyText,
  certFile: nonEmptyText,
  keyFile: nonEmptyText,
  ca: pem,
  cert: pem,
  key: secret(pem),
  passphrase: secret(text),
}

/** @param what names the options in messages, such as `rabbitmq.ssl` @throws ConfigurationError */
export function checkTls(what: string, tls: TlsOptions): void {
  checkOptions<TlsOptions>(what, tls, { ...TLS_MATERIAL_RULES, enabled: boolean, serverName: nonEmptyText })
}

/**
 * Reads the files. To be called before each connect, so that a renewed certificate needs no restart.
 * @param what names the options in messages
 * @throws ConfigurationError when a file cannot be read
 */
export async function readTls(what: string, tls: TlsOptions): Promise<TlsMaterial> {
  const texts: Pem[] = []
  // One after the other, so that of several unreadable files it is always the first that is named.
  for (const [option, given, file] of filesOf(what, tls)) {
    const read = given === undefined && file !== undefined
    texts.push(read ? await readFile(file, 'utf8').catch((cause) => unreadable(option, cause)) : given)
  }
  const [ca, cert, key] = texts
  return materialOf(tls, ca, cert, key)
}

/** `readTls` for the start of a program, where waiting does no harm. */
export function readTlsSync(what: string, tls: TlsOptions): TlsMaterial {
  const [ca, cert, key] = filesOf(what, tls).map(([option, given, file]) => {
    if (given !== undefined || file === undefined) return given
    try {
      return readFileSync(file, 'utf8')
    } catch (cause) {
      return unreadable(option, cause)
    }
  })
  return materialOf(tls, ca, cert, key)
}

type Pem = string | Uint8Array | undefined

/** For each text the option that names its file, the text itself, and the file. */
function filesOf(what: string, tls: TlsOptions): readonly (readonly [string, Pem, string | undefined])[] {
  return (['ca', 'cert', 'key'] as const).map((name) => [`${what}.${name}File`, tls[name], tls[`${name}File`]] as const)
}

function unreadable(option: string, cause: unknown): never {
  throw new ConfigurationError(`${option} cannot be read: ${(cause as Error).message}`, { cause })
}

function materialOf({ passphrase, serverName: servername }: TlsOptions, ca: Pem, cert: Pem, key: Pem): TlsMaterial {
  const given = Object.entries({ ca, cert, key, passphrase, servername }).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given.map(([name, value]) => [name, value instanceof Uint8Array ? Buffer.from(value) : value]))
}
