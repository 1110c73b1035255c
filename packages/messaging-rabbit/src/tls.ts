import { readFile } from 'node:fs/promises'
import type { ConnectionOptions } from 'node:tls'
import { ConfigurationError } from '@comm/core'
import { boolean, checkOptions, either, nonEmptyText, type Rule, secret, text } from '@comm/core/options'

/** How an encrypted connection is made. Files are read before each connect, so that a renewed certificate needs no restart. */
export interface RabbitMQSslOptions {
  /** @default true where `ssl` is given */
  readonly enabled?: boolean
  /** PEM file of the authorities to trust in place of the platform's. */
  readonly caFile?: string
  /** PEM file of the client certificate, for mutual TLS. */
  readonly certFile?: string
  /** PEM file of the client certificate's key. */
  readonly keyFile?: string
  /** The same as PEM texts. */
  readonly ca?: string | Uint8Array
  readonly cert?: string | Uint8Array
  readonly key?: string | Uint8Array
  /** Opens the client certificate's key. */
  readonly passphrase?: string
  /** The name expected in the server's certificate, where it is not the host. */
  readonly serverName?: string
}

const pem: Rule = either(text, { expected: 'a Uint8Array', accepts: (value) => value instanceof Uint8Array })

/** @throws ConfigurationError */
export function checkSsl(ssl: RabbitMQSslOptions): void {
  checkOptions<RabbitMQSslOptions>('rabbitmq.ssl', ssl, {
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

/** @throws ConfigurationError when a file cannot be read */
export async function tlsOptions(ssl: RabbitMQSslOptions): Promise<ConnectionOptions> {
  const [ca, cert, key] = await Promise.all([
    ssl.ca ?? read('caFile', ssl.caFile),
    ssl.cert ?? read('certFile', ssl.certFile),
    ssl.key ?? read('keyFile', ssl.keyFile),
  ])
  const { passphrase, serverName: servername } = ssl
  const given = Object.entries({ ca, cert, key, passphrase, servername }).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given)
}

async function read(option: string, file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new ConfigurationError(`rabbitmq.ssl.${option} cannot be read: ${(cause as Error).message}`, { cause })
  }
}
