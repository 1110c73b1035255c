import {
  type Backoff,
  type Clock,
  type Endpoint,
  exponentialBackoff,
  hostAndPort,
  type Logger,
  parseEndpoint,
  silentLogger,
  systemClock,
} from '@comm/core'
import {
  arrayOf,
  boolean,
  callable,
  checkArgument,
  checkOptions,
  nonEmptyText,
  number,
  object,
  oneOf,
  type Rule,
  type Rules,
  secret,
  text,
  withDefaults,
  withMethods,
} from '@comm/core/options'
import { checkTls, type TlsOptions } from '@comm/core/tls'
import { checkTopology, type RabbitMQTopology } from './topology.ts'

export interface RabbitMQAdapterOptions {
  /** `amqp://user:password@host:port/vhost`, or `amqps:`; takes the place of host, port, username, password and virtualHost. */
  readonly url?: string
  /** @default 'localhost' */
  readonly host?: string
  /** @default 5672, with `ssl` 5671 */
  readonly port?: number
  /** Nodes of one cluster, each `host` or `host:port`, tried in turn; they take the place of `host` and `port`. @default [] */
  readonly hosts?: readonly string[]
  /** @default 'guest' */
  readonly username?: string
  /** @default 'guest' */
  readonly password?: string
  /** @default '/' */
  readonly virtualHost?: string
  /** The connections' name in RabbitMQ's management. @default 'comm' */
  readonly clientId?: string
  /** Files are read before each connect, so that a renewed certificate needs no restart. */
  readonly ssl?: TlsOptions
  /**
   * Records that RabbitMQ sends ahead to a consumer that keeps lanes; at least twice as many as it may handle at once, so that a slow lane
   * leaves room for others. A consumer without lanes gets as many as it may handle. @default 10
   */
  readonly prefetchCount?: number
  /**
   * False: a publish counts as done when it was written to the socket. It may be lost, and an unroutable one is. Retries and dead letters
   * are confirmed all the same. @default true
   */
  readonly confirmDelivery?: boolean
  /** Until a connection is usable, per host. @default 10000 */
  readonly connectionTimeoutMs?: number
  /** A connection silent for two to three times as long is given up. AMQP counts in seconds, so it is rounded up; 0 is never. @default 5000 */
  readonly heartbeatMs?: number
  /** The topic exchange that topics are routing keys of; `<exchange>.group` beside it reaches single groups. @default 'comm' */
  readonly exchange?: string
  /** What groups' queues are made as. Delays are quorum queues in any case. @default 'quorum' */
  readonly queueType?: 'quorum' | 'classic'
  /** Highest priority, 1 to 9, of the groups' queues; only classic queues have priorities. @default none */
  readonly maxPriority?: number
  /** More arguments of the groups' queues, such as `x-max-length`. @default {} */
  readonly queueArguments?: Readonly<Record<string, unknown>>
  /** Exchanges, queues and bindings of your own, declared whenever a connection is made. @default none */
  readonly topology?: RabbitMQTopology
  /** Larger bodies are refused before they are sent: RabbitMQ would close the channel. Its own limit is 16 MiB since 4.0. @default 16777216 */
  readonly maxBodyBytes?: number
  /** Wait before each try to reconnect. @default exponentialBackoff({ baseMs: 100, maxMs: 2000 }) */
  readonly reconnect?: Backoff
  readonly logger?: Logger
  /** @default systemClock */
  readonly clock?: Clock
  /** Numbers from 0 up to but excluding 1. @default Math.random */
  readonly random?: () => number
}

/** What has no default. */
type Optional = 'url' | 'port' | 'ssl' | 'maxPriority' | 'topology'

export const RABBITMQ_DEFAULTS: Readonly<Required<Omit<RabbitMQAdapterOptions, Optional>>> = Object.freeze({
  host: 'localhost',
  hosts: Object.freeze([]),
  username: 'guest',
  password: 'guest',
  virtualHost: '/',
  clientId: 'comm',
  prefetchCount: 10,
  confirmDelivery: true,
  connectionTimeoutMs: 10_000,
  heartbeatMs: 5000,
  exchange: 'comm',
  queueType: 'quorum',
  queueArguments: Object.freeze({}),
  maxBodyBytes: 16 * 1024 * 1024,
  reconnect: exponentialBackoff({ baseMs: 100, maxMs: 2000 }),
  logger: silentLogger,
  clock: systemClock,
  random: Math.random,
})

/** Room for what is appended to an exchange's name: `.group.delay.4096000000`. */
const LONGEST_EXCHANGE = 200
const HIGHEST_PORT = 65_535
/** AMQP counts prefetched records in 16 bits. */
export const MOST_PREFETCHED = 65_535
const exchangeName: Rule = {
  expected: `a name of letters, digits, _, -, . and : that does not begin with amq., at most ${LONGEST_EXCHANGE} characters`,
  accepts: (value) =>
    typeof value === 'string' && value.length <= LONGEST_EXCHANGE && /^[\w.:-]+$/.test(value) && !value.startsWith('amq.'),
}
const amqpUrl: Rule = secret({
  expected: 'a URL such as amqp://user:password@host:5672/vhost or amqps://…',
  accepts: (value) =>
    typeof value === 'string' && /^amqps?:/.test(value) && URL.canParse(value) && new URL(value).hostname !== '',
})

export const RABBITMQ_RULES: Rules<RabbitMQAdapterOptions> = {
  url: amqpUrl,
  host: nonEmptyText,
  port: number({ min: 1, max: HIGHEST_PORT, integer: true }),
  hosts: arrayOf(hostAndPort),
  username: text,
  password: secret(text),
  virtualHost: nonEmptyText,
  clientId: nonEmptyText,
  ssl: object,
  prefetchCount: number({ min: 1, max: MOST_PREFETCHED, integer: true }),
  confirmDelivery: boolean,
  connectionTimeoutMs: number({ min: 1 }),
  heartbeatMs: number({ min: 0 }),
  exchange: exchangeName,
  queueType: oneOf('quorum', 'classic'),
  maxPriority: number({ min: 1, max: 9, integer: true }),
  queueArguments: object,
  topology: object,
  maxBodyBytes: number({ min: 1, integer: true }),
  reconnect: withMethods('a backoff such as exponentialBackoff() makes', 'delayMs'),
  logger: object,
  clock: withMethods('a Clock', 'now', 'wall', 'setTimer'),
  random: callable,
}

/** The options with every default in its place, and the ways to say where the server is resolved into one. */
export interface ResolvedOptions extends Omit<typeof RABBITMQ_DEFAULTS, 'host' | 'hosts'> {
  readonly servers: readonly Endpoint[]
  readonly ssl: TlsOptions | undefined
  readonly maxPriority: number | undefined
  readonly topology: RabbitMQTopology | undefined
}

const PLAIN_PORT = 5672
const TLS_PORT = 5671

/** @throws ConfigurationError with every problem at once */
export function resolveOptions(options: RabbitMQAdapterOptions): ResolvedOptions {
  checkOptions('rabbitmq', options, RABBITMQ_RULES)
  if (options.ssl !== undefined) checkTls('rabbitmq.ssl', options.ssl)
  if (options.topology !== undefined) checkTopology(options.topology)
  const { url, host, hosts, port, ssl, maxPriority, topology, ...resolved } = withDefaults(RABBITMQ_DEFAULTS, {
    ...options,
    ...fromUrl(options.url),
  })
  checkArgument('rabbitmq.maxPriority', maxPriority, {
    expected: "absent with queueType 'quorum': only classic queues have priorities",
    accepts: () => maxPriority === undefined || resolved.queueType === 'classic',
  })
  const isTls = url === undefined ? ssl !== undefined && ssl.enabled !== false : url.startsWith('amqps:')
  const usualPort = port ?? (isTls ? TLS_PORT : PLAIN_PORT)
  const servers =
    hosts.length === 0 ? [{ host, port: usualPort }] : hosts.map((each) => parseEndpoint(each, usualPort) as Endpoint)
  return Object.freeze({ ...resolved, servers, ssl: isTls ? (ssl ?? {}) : undefined, maxPriority, topology })
}

function fromUrl(url: string | undefined): RabbitMQAdapterOptions {
  if (url === undefined) return {}
  const { hostname, port, username, password, pathname } = new URL(url)
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    hosts: [],
    ...(port && { port: Number(port) }),
    ...(username && { username: decodeURIComponent(username), password: decodeURIComponent(password) }),
    ...(pathname.length > 1 && { virtualHost: decodeURIComponent(pathname.slice(1)) }),
  }
}
