import { describeEndpoint, type Endpoint, hostName } from '@comm/core'
import { number, object, type Rules } from '@comm/core/options'
import type { TlsOptions } from '@comm/core/tls'

/** What every registry with a server of its own takes. */
export interface RegistryServerOptions {
  /** @default 'localhost' */
  readonly host?: string
  /** @default the registry's usual one */
  readonly port?: number
  /** @default { enabled: false } */
  readonly ssl?: TlsOptions
  /** How long an answer to a request of a watch may take, beyond what it waits for changes. @default 5000 */
  readonly requestTimeoutMs?: number
}

export const REGISTRY_SERVER_DEFAULTS: Readonly<Required<Omit<RegistryServerOptions, 'port'>>> = Object.freeze({
  host: 'localhost',
  ssl: Object.freeze({ enabled: false }),
  requestTimeoutMs: 5000,
})

export const REGISTRY_SERVER_RULES: Rules<RegistryServerOptions> = Object.freeze({
  host: hostName,
  port: number({ min: 1, max: 65_535, integer: true }),
  ssl: object,
  requestTimeoutMs: number({ above: 0 }),
})

/** TLS options that are there and not turned off. */
export function tlsOf(ssl: TlsOptions): TlsOptions | undefined {
  return Object.keys(ssl).length > 0 && ssl.enabled !== false ? ssl : undefined
}

/** @returns `https://[::1]:8501` */
export function originOf(endpoint: Endpoint, tls: TlsOptions | undefined): string {
  return `${tls === undefined ? 'http' : 'https'}://${describeEndpoint(endpoint)}`
}
