import {
  type BreakerOptions,
  type BulkheadOptions,
  type Clock,
  type Logger,
  type PolicySource,
  type RateLimitOptions,
  type RetryOptions,
  silentLogger,
  systemClock,
  type TlsOptions,
  type TlsReloader,
  type TokenSource,
} from '@comm/core'
import type { EndpointSource, Instance, LoadBalancerOptions } from '@comm/core/balancing'
import {
  callable,
  checkOptions,
  configurationError,
  either,
  nonEmptyText,
  number,
  object,
  oneOf,
  type Rule,
  type Rules,
  withDefaults,
  withMethods,
} from '@comm/core/options'
import type { ChannelOptions, Interceptor } from '@grpc/grpc-js'
import { type KeepaliveOptions, keepaliveRule, sizeLimit } from '../channel-options.ts'
import { type MetadataInput, someMetadata } from '../metadata.ts'
import { type StatusName, statusCode } from '../status.ts'
import { tlsOptions } from '../tls.ts'
import { COMPRESSIONS, type Compression } from './channels.ts'
import { RETRY_STATUSES } from './verdicts.ts'

/** Milliseconds; Infinity is no limit. */
export interface GrpcTimeouts {
  /** Until a connection is there: TCP, TLS and HTTP/2. @default 10000 */
  readonly connectMs: number
  /** One attempt of a call with one answer. @default Infinity */
  readonly attemptMs: number
  /** The whole call, retries and waits included, where there is one answer. @default 30000 */
  readonly totalMs: number
  /** The whole call, where the answer is a stream. @default Infinity */
  readonly streamMs: number
}

export type GrpcBalancerOptions = Omit<LoadBalancerOptions, 'instances' | 'name' | 'clock' | 'logger'>

export interface GrpcRetryOptions extends RetryOptions {
  /** What is tried again when a call is idempotent. @default ['UNAVAILABLE', 'RESOURCE_EXHAUSTED'] */
  readonly statuses?: readonly StatusName[]
}

/** Where the calls go has to be said, as `address` or `endpoints`; the rest has defaults. `false` turns a part off. */
export interface GrpcClientOptions {
  /** One place: `host:port`, `dns:///host:port`, or a Unix socket `unix:///path`. */
  readonly address?: string
  /** The instances of a service: a list such as `['10.0.0.1:50051', …]` or an EndpointSource. Each attempt goes to one of them. */
  readonly endpoints?: EndpointSource | readonly (string | Instance)[]
  /** Stands in errors, logs and metrics. @default the address, or 'grpc service' */
  readonly service?: string
  readonly balancer?: GrpcBalancerOptions
  /** Sent with every call. */
  readonly metadata?: MetadataInput
  /** @default { connectMs: 10000, attemptMs: Infinity, totalMs: 30000, streamMs: Infinity } */
  readonly timeout?: Partial<GrpcTimeouts>
  /** See `isSafeToRetry`. @default { maxRetries: 3 } */
  readonly retry?: false | GrpcRetryOptions
  /** Of each instance one, where there are several; see `breakerVerdict`. @default core's BREAKER_DEFAULTS */
  readonly circuitBreaker?: false | BreakerOptions
  /** Of each instance one, where there are several. @default { limit: 1000, maxQueue: 1000 } */
  readonly bulkhead?: false | Partial<BulkheadOptions>
  /** @default false */
  readonly rateLimit?: false | RateLimitOptions
  /**
   * Stages of core in place of the four above, outermost first, or a function that gives the ones of the moment. `pickPlace`, `totalTimeout`
   * and `attemptTimeout` may be among them.
   */
  readonly policies?: PolicySource
  /** A longer message is COMM_TOO_LARGE, also after decompression. @default 4194304 */
  readonly maxReceiveBytes?: number
  /** @default Infinity */
  readonly maxSendBytes?: number
  /** Of what is sent; what is received may be compressed by any of them. @default 'identity' */
  readonly compression?: Compression
  /** @default false */
  readonly keepalive?: false | KeepaliveOptions
  /** `true`: the platform's authorities; files that are replaced are used for new connections. @default no encryption */
  readonly tls?: true | TlsOptions | TlsReloader
  /** Its token is sent as `authorization`. */
  readonly auth?: TokenSource
  /** The key of the correlation id. @default as it came in, else 'X-Correlation-ID' */
  readonly correlationHeader?: string
  /** Of grpc-js, outermost first; they see every attempt. */
  readonly interceptors?: readonly Interceptor[]
  /** Of grpc-js, for what has no option here. */
  readonly channelOptions?: ChannelOptions
  /** Gets a line for each failed call, at `debug`. @default silentLogger */
  readonly logger?: Logger
  /** @default systemClock */
  readonly clock?: Clock
}

export const GRPC_TIMEOUT_DEFAULTS: Readonly<GrpcTimeouts> = Object.freeze({
  connectMs: 10_000,
  attemptMs: Number.POSITIVE_INFINITY,
  totalMs: 30_000,
  streamMs: Number.POSITIVE_INFINITY,
})

interface ClientDefaults {
  readonly timeout: GrpcTimeouts
  readonly retry: { readonly maxRetries: number; readonly statuses: readonly StatusName[] }
  readonly bulkhead: { readonly limit: number; readonly maxQueue: number }
  readonly rateLimit: false
  readonly maxReceiveBytes: number
  readonly maxSendBytes: number
  readonly compression: 'identity'
  readonly keepalive: false
  readonly logger: Logger
  readonly clock: Clock
}

export const GRPC_CLIENT_DEFAULTS: ClientDefaults = Object.freeze({
  timeout: GRPC_TIMEOUT_DEFAULTS,
  retry: Object.freeze({ maxRetries: 3, statuses: RETRY_STATUSES }),
  bulkhead: Object.freeze({ limit: 1000, maxQueue: 1000 }),
  rateLimit: false,
  maxReceiveBytes: 4_194_304,
  maxSendBytes: Number.POSITIVE_INFINITY,
  compression: 'identity',
  keepalive: false,
  logger: silentLogger,
  clock: systemClock,
})

const part: Rule = {
  expected: 'false or an object with its options',
  accepts: (value) => value === false || object.accepts(value),
}
const array: Rule = { expected: 'an array', accepts: Array.isArray }

const RULES: Rules<GrpcClientOptions> = {
  address: {
    expected: "an address such as 'host:port' or 'unix:///path', without http:// and credentials",
    accepts: (value) =>
      typeof value === 'string' && value !== '' && !/^https?:|@|\s/.test(value) && !/^unix:(?!\/\/)/.test(value),
  },
  endpoints: either(withMethods('an EndpointSource', 'ready', 'watch'), {
    expected: 'an array of instances',
    accepts: Array.isArray,
  }),
  service: nonEmptyText,
  balancer: object,
  metadata: someMetadata,
  timeout: object,
  retry: part,
  circuitBreaker: part,
  bulkhead: part,
  rateLimit: part,
  policies: either(array, { expected: 'a function that gives one', accepts: callable.accepts }),
  maxReceiveBytes: sizeLimit,
  maxSendBytes: sizeLimit,
  compression: oneOf(...Object.keys(COMPRESSIONS)),
  keepalive: keepaliveRule,
  tls: tlsOptions,
  auth: withMethods('a TokenSource', 'token'),
  correlationHeader: {
    expected: 'the name of a header',
    accepts: (value) => typeof value === 'string' && /^[A-Za-z0-9_.-]+$/.test(value) && !/-bin$/i.test(value),
  },
  interceptors: { expected: 'an array of functions', accepts: (value) => Array.isArray(value) && value.every(callable.accepts) },
  channelOptions: object,
  logger: withMethods('a Logger', 'debug', 'warn'),
  clock: withMethods('a Clock', 'now', 'wall', 'setTimer'),
}

export type ResolvedClient = Omit<GrpcClientOptions, keyof ClientDefaults> &
  Omit<ClientDefaults, 'compression' | 'keepalive' | 'rateLimit' | 'retry' | 'bulkhead'> & {
    readonly compression: Compression
    readonly keepalive: false | KeepaliveOptions
    /** For people. */
    readonly name: string
  }

/** @throws ConfigurationError with every problem at once */
export function resolveClient(options: GrpcClientOptions): ResolvedClient {
  checkOptions<GrpcClientOptions>('GrpcClient', options, RULES)
  const { address, endpoints, timeout = {} } = options
  if ((address === undefined) === (endpoints === undefined)) {
    const received = address === undefined ? 'neither' : 'both'
    const problem = { key: 'GrpcClient.address', received, expected: 'given, or endpoints in its place' }
    throw configurationError('GrpcClient', [problem])
  }
  if (address !== undefined && options.balancer !== undefined) {
    const problem = { key: 'GrpcClient.balancer', received: 'an address', expected: 'given with endpoints' }
    throw configurationError('GrpcClient', [problem])
  }
  const limit = number({ above: 0, infinite: true })
  checkOptions<GrpcTimeouts>('GrpcClient.timeout', timeout as GrpcTimeouts, {
    connectMs: limit,
    attemptMs: limit,
    totalMs: limit,
    streamMs: limit,
  })
  const statuses = options.retry === false ? undefined : options.retry?.statuses
  if (statuses !== undefined) checkStatuses(statuses)
  const { retry: _retry, bulkhead: _bulkhead, rateLimit: _rate, ...rest } = options
  const { retry: _r, bulkhead: _b, rateLimit: _l, ...defaults } = GRPC_CLIENT_DEFAULTS
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined))
  return Object.freeze({
    ...defaults,
    ...given,
    timeout: withDefaults(GRPC_TIMEOUT_DEFAULTS, timeout),
    name: options.service ?? address ?? 'grpc service',
  }) as ResolvedClient
}

function checkStatuses(statuses: unknown): void {
  const isRight = Array.isArray(statuses) && statuses.every((name) => typeof name === 'string' && statusCode(name) !== undefined)
  if (isRight) return
  const problem = {
    key: 'GrpcClient.retry.statuses',
    received: JSON.stringify(statuses) ?? 'something else',
    expected: "an array of gRPC's statuses, such as 'UNAVAILABLE'",
  }
  throw configurationError('GrpcClient', [problem])
}
