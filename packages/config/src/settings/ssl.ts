import type { Schema } from '../schema/setting.ts'

/** What an encrypted connection is made with. The files are read by whoever connects. */
export interface SslFilesConfig {
  /** PEM file of the authorities to trust in place of the platform's. */
  readonly caFile?: string
  /** PEM file of the client certificate, for mutual TLS. */
  readonly certFile?: string
  /** PEM file of the client certificate's key. */
  readonly keyFile?: string
  /** Opens the client certificate's key. */
  readonly passphrase?: string
  /** The name expected in the server's certificate, where it is not the host. */
  readonly serverName?: string
}

export interface SslConfig extends SslFilesConfig {
  /** @default false */
  readonly enabled: boolean
}

export const SSL_FILES: Schema<SslFilesConfig> = {
  caFile: { kind: 'text', doc: "PEM file of the authorities to trust in place of the platform's." },
  certFile: { kind: 'text', doc: 'PEM file of the client certificate, for mutual TLS.' },
  keyFile: { kind: 'text', doc: "PEM file of the client certificate's key." },
  passphrase: { kind: 'text', secret: true, doc: "Opens the client certificate's key." },
  serverName: { kind: 'text', doc: "The name expected in the server's certificate, where it is not the host." },
}

export const SSL: Schema<SslConfig> = {
  enabled: { kind: 'flag', alone: true, default: false, doc: 'Encrypt the connection.' },
  ...SSL_FILES,
}
