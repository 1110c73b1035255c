import {
  type Clock,
  DEFAULT_CORRELATION_HEADER,
  type Logger,
  silentLogger,
  systemClock,
  type TlsOptions,
  type TlsReloader,
} from '@comm/core'
import {
  boolean,
  callable,
  checkOptions,
  configurationError,
  nonEmptyText,
  number,
  object,
  type Rules,
  withDefaults,
  withMethods,
} from '@comm/core/options'
import type { ChannelOptions, ServerInterceptor } from '@grpc/grpc-js'
import type { ServerMiddleware } from 'nice-grpc'
import { type KeepaliveOptions, keepaliveRule, sizeLimit } from '../channel-options.ts'
import { tlsOptions } from '../tls.ts'
import type { Authenticate } from './guard.ts'
import type { HealthSource } from './health-service.ts'

export interface GrpcServerOptions {
  /** 0: any free port. In its place `path`. */
  readonly port?: number
  /** @default every address of the machine */
  readonly host?: string
  /** A Unix socket. */
  readonly path?: string
  /** In logs and in a Lifecycle. @default 'grpc server' */
  readonly name?: string
  /** The server's certificate and key, and the authority of its clients' certificates. Files that are replaced are used for new connections. @default no encryption */
  readonly tls?: TlsOptions | TlsReloader
  /** Clients have to show a certificate that `tls.ca` has signed. @default true where `tls` has an authority */
  readonly clientCertificate?: boolean
  /** Lets calls in; those of health and reflection are not asked. @default everybody may call */
  readonly authenticate?: Authenticate
  /** Of nice-grpc, outermost first. */
  readonly middleware?: readonly ServerMiddleware[]
  /** Of grpc-js, the closest to the wire first. */
  readonly interceptors?: readonly ServerInterceptor[]
  /** What grpc.health.v1 answers; `false`: it is not served. @default the server itself */
  readonly health?: HealthSource | false
  /** How often the health is looked at for those who watch it. @default 5000 */
  readonly healthWatchMs?: number
  /** `descriptors` as `comm-proto generate` writes them: server reflection v1 is served; needs `nice-grpc-server-reflection`. @default none */
  readonly reflection?: Uint8Array
  /** How long calls under way may go on after the stop has begun; then they are ended with UNAVAILABLE. @default 5000 */
  readonly drainMs?: number
  /** A longer message is answered RESOURCE_EXHAUSTED, also after decompression. @default 4194304 */
  readonly maxReceiveBytes?: number
  /** @default Infinity */
  readonly maxSendBytes?: number
  /** Calls at once on one connection. @default Infinity */
  readonly maxStreamsPerConnection?: number
  /** @default false */
  readonly keepalive?: false | KeepaliveOptions
  /** The key that carries the correlation id, in and out. @default 'X-Correlation-ID' */
  readonly correlationHeader?: string
  /** Of grpc-js, for what has no option here. */
  readonly serverOptions?: ChannelOptions
  /** Gets failures of the service at `error`, each call at `debug`. @default silentLogger */
  readonly logger?: Logger
  /** @default systemClock */
  readonly clock?: Clock
}

interface ServerDefaults {
  readonly name: string
  readonly host: string
  readonly healthWatchMs: number
  readonly drainMs: number
  readonly maxReceiveBytes: number
  readonly maxSendBytes: number
  readonly maxStreamsPerConnection: number
  readonly keepalive: false
  readonly correlationHeader: string
  readonly logger: Logger
  readonly clock: Clock
}

export const GRPC_SERVER_DEFAULTS: ServerDefaults = Object.freeze({
  name: 'grpc server',
  host: '::',
  healthWatchMs: 5000,
  drainMs: 5000,
  maxReceiveBytes: 4_194_304,
  maxSendBytes: Number.POSITIVE_INFINITY,
  maxStreamsPerConnection: Number.POSITIVE_INFINITY,
  keepalive: false,
  correlationHeader: DEFAULT_CORRELATION_HEADER,
  logger: silentLogger,
  clock: systemClock,
})

const functions = (value: unknown): boolean => Array.isArray(value) && value.every(callable.accepts)

const RULES: Rules<GrpcServerOptions> = {
  port: number({ min: 0, max: 65_535, integer: true }),
  host: nonEmptyText,
  path: { expected: 'an absolute path', accepts: (value) => typeof value === 'string' && value.startsWith('/') },
  name: nonEmptyText,
  tls: { ...tlsOptions, expected: 'TlsOptions or a TlsReloader', accepts: object.accepts },
  clientCertificate: boolean,
  authenticate: callable,
  middleware: { expected: 'an array of functions', accepts: functions },
  interceptors: { expected: 'an array of functions', accepts: functions },
  health: {
    expected: 'false or an object with healthCheck() and isReady, such as a Lifecycle',
    accepts: (value) =>
      value === false ||
      (object.accepts(value) &&
        typeof (value as Partial<HealthSource>).healthCheck === 'function' &&
        'isReady' in (value as HealthSource)),
  },
  healthWatchMs: number({ above: 0 }),
  reflection: {
    expected: 'a Uint8Array, the descriptors that comm-proto generates',
    accepts: (value) => value instanceof Uint8Array,
  },
  drainMs: number({ min: 0, infinite: true }),
  maxReceiveBytes: sizeLimit,
  maxSendBytes: sizeLimit,
  maxStreamsPerConnection: number({ min: 1, integer: true, infinite: true }),
  keepalive: keepaliveRule,
  correlationHeader: {
    expected: 'the name of a header',
    accepts: (value) => typeof value === 'string' && /^[A-Za-z0-9_.-]+$/.test(value) && !/-bin$/i.test(value),
  },
  serverOptions: object,
  logger: withMethods('a Logger', 'debug', 'error', 'isEnabled'),
  clock: withMethods('a Clock', 'now', 'wall', 'setTimer'),
}

export type ResolvedServer = GrpcServerOptions & {
  readonly [Key in keyof ServerDefaults]: Key extends 'keepalive' ? false | KeepaliveOptions : ServerDefaults[Key]
}

/** @throws ConfigurationError with every problem at once */
export function resolveServer(options: GrpcServerOptions): ResolvedServer {
  checkOptions<GrpcServerOptions>('GrpcServer', options, RULES)
  if ((options.port === undefined) === (options.path === undefined)) {
    const received = options.port === undefined ? 'neither' : 'both'
    throw configurationError('GrpcServer', [{ key: 'GrpcServer.port', received, expected: 'given, or path in its place' }])
  }
  return Object.freeze(
    withDefaults(GRPC_SERVER_DEFAULTS as Required<ServerDefaults>, options as ServerDefaults),
  ) as ResolvedServer
}
