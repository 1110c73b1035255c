import {
  type Clock,
  type Endpoint,
  hostAndPort,
  hostName,
  type Logger,
  parseEndpoint,
  silentLogger,
  systemClock,
} from '@comm/core'
import {
  arrayOf,
  callable,
  checkOptions,
  nonEmptyText,
  number,
  object,
  oneOf,
  type Rule,
  type Rules,
  secret,
  withDefaults,
  withMethods,
} from '@comm/core/options'
import { checkTls, type TlsOptions } from '@comm/core/tls'

export interface RedisConnectionOptions {
  /** @default 'localhost' */
  readonly host?: string
  /** @default 6379, for Sentinels 26379 */
  readonly port?: number
  /** Several servers, each `host` or `host:port`, in place of `host` and `port`: tried in turn; Sentinels; nodes of a Cluster. @default [] */
  readonly hosts?: readonly string[]
  /** What `host` or `hosts` name. @default 'standalone' */
  readonly topology?: 'standalone' | 'sentinel' | 'cluster'
  /** The name under which the Sentinels know the master. @default 'mymaster' */
  readonly masterName?: string
  readonly sentinelUsername?: string
  readonly sentinelPassword?: string
  readonly username?: string
  readonly password?: string
  /** A Cluster has only 0. @default 0 */
  readonly database?: number
  /** The name under which `CLIENT LIST` shows the connections. @default none */
  readonly clientId?: string
  /** @default { enabled: false } */
  readonly ssl?: TlsOptions
  /** Until a connection is usable. @default 10000 */
  readonly connectionTimeoutMs?: number
  /** How often a connection is probed, and how long the answer may take; 0: never. @default 5000 */
  readonly heartbeatMs?: number
  /** Hears of lost and restored connections. @default silentLogger */
  readonly logger?: Logger
  /** @default systemClock */
  readonly clock?: Clock
  /** For the jitter between two tries to reconnect: numbers from 0 up to but excluding 1. @default Math.random */
  readonly random?: () => number
}

type Defaulted = Exclude<
  keyof RedisConnectionOptions,
  'port' | 'sentinelUsername' | 'sentinelPassword' | 'username' | 'password' | 'clientId'
>

export const REDIS_CONNECTION_DEFAULTS: Readonly<Required<Pick<RedisConnectionOptions, Defaulted>>> = Object.freeze({
  host: 'localhost',
  hosts: Object.freeze([]),
  topology: 'standalone',
  masterName: 'mymaster',
  database: 0,
  ssl: Object.freeze({ enabled: false }),
  connectionTimeoutMs: 10_000,
  heartbeatMs: 5000,
  logger: silentLogger,
  clock: systemClock,
  random: Math.random,
})

export type ResolvedConnection = RedisConnectionOptions &
  Required<Pick<RedisConnectionOptions, Defaulted>> & { readonly endpoints: readonly Endpoint[] }

const LONGEST_CLIENT_ID = 200
const clientId: Rule = {
  expected: `printable ASCII without spaces, at most ${LONGEST_CLIENT_ID} characters`,
  accepts: (value) => typeof value === 'string' && value.length <= LONGEST_CLIENT_ID && /^[!-~]+$/.test(value),
}

/** What each option must be; for clients that take these options among others. */
export const REDIS_CONNECTION_RULES: Rules<RedisConnectionOptions> = Object.freeze({
  host: hostName,
  port: number({ min: 1, max: 65_535, integer: true }),
  hosts: arrayOf(hostAndPort),
  topology: oneOf('standalone', 'sentinel', 'cluster'),
  masterName: nonEmptyText,
  sentinelUsername: nonEmptyText,
  sentinelPassword: secret(nonEmptyText),
  username: nonEmptyText,
  password: secret(nonEmptyText),
  database: number({ min: 0, integer: true }),
  clientId,
  ssl: object,
  connectionTimeoutMs: number({ min: 1 }),
  heartbeatMs: number({ min: 0 }),
  logger: withMethods('a Logger', 'debug', 'info', 'warn', 'error'),
  clock: withMethods('a Clock', 'now', 'wall', 'setTimer'),
  random: callable,
})

/** The options of a connection among those of a client that takes more. */
export function connectionOptions(options: RedisConnectionOptions): RedisConnectionOptions {
  return Object.fromEntries(Object.entries(options).filter(([name]) => Object.hasOwn(REDIS_CONNECTION_RULES, name)))
}

/** @param what names the options in messages @throws ConfigurationError */
export function resolveConnection(what: string, options: RedisConnectionOptions): ResolvedConnection {
  checkOptions(what, options, REDIS_CONNECTION_RULES)
  const resolved = withDefaults<RedisConnectionOptions, Defaulted>(REDIS_CONNECTION_DEFAULTS, options)
  checkTls(`${what}.ssl`, resolved.ssl)
  if (resolved.topology === 'cluster') {
    checkOptions<Pick<RedisConnectionOptions, 'database'>>(what, { database: resolved.database }, { database: onlyDatabase })
  }
  const usualPort = resolved.topology === 'sentinel' ? 26_379 : 6379
  const endpoints =
    resolved.hosts.length === 0
      ? [{ host: resolved.host, port: resolved.port ?? usualPort }]
      : resolved.hosts.map((each) => parseEndpoint(each, usualPort) as Endpoint)
  return Object.freeze({ ...resolved, endpoints })
}

const onlyDatabase: Rule = { expected: '0, the only one of a Cluster', accepts: (value) => value === 0 }
