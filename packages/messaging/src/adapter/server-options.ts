import {
  type Backoff,
  type Clock,
  type Endpoint,
  exponentialBackoff,
  hostAndPort,
  hostName,
  type Logger,
  parseEndpoint,
  silentLogger,
  systemClock,
} from '@comm/core'
import {
  arrayOf,
  boolean,
  callable,
  nonEmptyText,
  number,
  object,
  type Rules,
  secret,
  text,
  withMethods,
} from '@comm/core/options'
import { checkTls, type TlsOptions } from '@comm/core/tls'

/** Where a broker's servers are and how to talk to them: what every adapter takes among options of its own. */
export interface ServerOptions {
  /** @default 'localhost' */
  readonly host?: string
  /** @default the broker's usual one */
  readonly port?: number
  /** Several servers, each `host` or `host:port`, tried in turn; they take the place of `host` and `port`. @default [] */
  readonly hosts?: readonly string[]
  readonly username?: string
  readonly password?: string
  /** The name under which the broker shows the connections. @default 'comm' */
  readonly clientId?: string
  /** Files are read before each connect, so that a renewed certificate needs no restart. @default { enabled: false } */
  readonly ssl?: TlsOptions
  /** Until a connection is usable, per server. @default 10000 */
  readonly connectionTimeoutMs?: number
  /**
   * False: a publish counts as done when it was sent. It may be lost, and an unroutable one is. Retries and dead letters are confirmed all
   * the same. @default true
   */
  readonly confirmDelivery?: boolean
  /** Larger bodies are refused before they are sent. @default 16777216 (16 MiB) */
  readonly maxBodyBytes?: number
  /** Wait before each try to reconnect. @default exponentialBackoff({ baseMs: 100, maxMs: 2000 }) */
  readonly reconnect?: Backoff
  /** @default silentLogger */
  readonly logger?: Logger
  /** @default systemClock */
  readonly clock?: Clock
  /** Numbers from 0 up to but excluding 1. @default Math.random */
  readonly random?: () => number
}

export const SERVER_DEFAULTS: Readonly<Required<Omit<ServerOptions, 'port' | 'username' | 'password'>>> = Object.freeze({
  host: 'localhost',
  hosts: Object.freeze([]),
  clientId: 'comm',
  ssl: Object.freeze({ enabled: false }),
  connectionTimeoutMs: 10_000,
  confirmDelivery: true,
  maxBodyBytes: 16 * 1024 * 1024,
  reconnect: exponentialBackoff({ baseMs: 100, maxMs: 2000 }),
  logger: silentLogger,
  clock: systemClock,
  random: Math.random,
})

export const SERVER_RULES: Rules<ServerOptions> = Object.freeze({
  host: hostName,
  port: number({ min: 1, max: 65_535, integer: true }),
  hosts: arrayOf(hostAndPort),
  username: text,
  password: secret(text),
  clientId: nonEmptyText,
  ssl: object,
  connectionTimeoutMs: number({ min: 1 }),
  confirmDelivery: boolean,
  maxBodyBytes: number({ min: 1, integer: true }),
  reconnect: withMethods('a backoff such as exponentialBackoff() makes', 'delayMs'),
  logger: withMethods('a Logger', 'debug', 'info', 'warn', 'error'),
  clock: withMethods('a Clock', 'now', 'wall', 'setTimer'),
  random: callable,
})

/**
 * The servers that the options name, at least one.
 * @param what names the options in messages @throws ConfigurationError what is wrong with `ssl`
 */
export function serversOf(
  what: string,
  { host = SERVER_DEFAULTS.host, hosts = [], port, ssl }: ServerOptions,
  usualPort: number,
): readonly Endpoint[] {
  if (ssl !== undefined) checkTls(`${what}.ssl`, ssl)
  if (hosts.length === 0) return [{ host, port: port ?? usualPort }]
  return hosts.map((each) => parseEndpoint(each, port ?? usualPort) as Endpoint)
}
