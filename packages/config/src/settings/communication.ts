import { LIFECYCLE_DEFAULTS } from '@comm/core'
import type { Schema } from '../schema/setting.ts'
import { GRPC_CLIENT, type GrpcClientConfig } from './grpc-client.ts'
import { HTTP_CLIENT, type HttpClientConfig } from './http-client.ts'
import { LOGGING, type LoggingConfig } from './logging.ts'
import { MESH, MESH_SERVICE, type MeshConfig, type MeshServiceConfig } from './mesh.ts'
import { MESSAGE_BROKER, type MessageBrokerConfig } from './message-broker.ts'
import { SERVICE_DISCOVERY, type ServiceDiscoveryConfig } from './service-discovery.ts'

export interface ShutdownConfig {
  /** Time for the whole stop. @default 10000 */
  readonly budgetMs: number
  /** How long readiness is red before intake stops. @default 0 */
  readonly readinessDelayMs: number
}

/** Every setting there is. Frozen; an optional one that nobody set is absent. */
export interface CommunicationSettings {
  /** Which environment this is; it chooses the profile file. @default 'development' */
  readonly environment: string
  /** The name of this service in logs, traces and the registry. */
  readonly serviceName?: string
  readonly serviceVersion?: string
  /** @default false */
  readonly enableMetrics: boolean
  /** @default false */
  readonly enableTracing: boolean
  /** @default true */
  readonly enableHealthChecks: boolean
  /** @default false */
  readonly debugMode: boolean
  /** @default false */
  readonly detailedMetrics: boolean
  readonly httpClient: HttpClientConfig
  /** Further HTTP clients by name. @default {} */
  readonly httpClients: Readonly<Record<string, HttpClientConfig>>
  readonly grpcClient: GrpcClientConfig
  /** Further gRPC clients by name. @default {} */
  readonly grpcClients: Readonly<Record<string, GrpcClientConfig>>
  readonly messageBroker: MessageBrokerConfig
  /** Further brokers by name. @default {} */
  readonly messageBrokers: Readonly<Record<string, MessageBrokerConfig>>
  readonly serviceDiscovery: ServiceDiscoveryConfig
  readonly mesh: MeshConfig
  /** How the services of the mesh are called, by name; `*`: those that have no section. @default {} */
  readonly meshServices: Readonly<Record<string, MeshServiceConfig>>
  readonly logging: LoggingConfig
  readonly shutdown: ShutdownConfig
}

/** A name that may stand in a file name. */
const ENVIRONMENT_NAME = { regexp: /^[A-Za-z0-9][\w.-]*$/, expected: 'a name of letters, digits, `.`, `_` and `-`' }

const SHUTDOWN: Schema<ShutdownConfig> = {
  budgetMs: { kind: 'duration', min: 1, default: LIFECYCLE_DEFAULTS.stopBudgetMs, doc: 'Time for the whole stop.' },
  readinessDelayMs: {
    kind: 'duration',
    default: LIFECYCLE_DEFAULTS.readinessDelayMs,
    doc: 'How long readiness is red before intake stops, so that load balancers notice.',
  },
}

export const COMMUNICATION: Schema<CommunicationSettings> = {
  environment: {
    kind: 'text',
    pattern: ENVIRONMENT_NAME,
    default: 'development',
    doc: 'Which environment this is; as a variable, or as the option `profile`, it chooses the profile file.',
  },
  serviceName: { kind: 'text', doc: 'The name of this service in logs, traces and the registry.' },
  serviceVersion: { kind: 'text', doc: 'The version of this service in logs, traces and the registry.' },
  enableMetrics: { kind: 'flag', default: false, doc: 'Collect and expose metrics.' },
  enableTracing: { kind: 'flag', default: false, doc: 'Record and export traces.' },
  enableHealthChecks: {
    kind: 'flag',
    default: true,
    doc: 'Ask the components for their health; off: it is up as long as the process is.',
  },
  debugMode: { kind: 'flag', default: false, doc: 'Log at level `debug`, whatever the level is.' },
  detailedMetrics: {
    kind: 'flag',
    default: false,
    doc: 'Metrics of HTTP calls by path too, ids left out; by route, method and topic they always are.',
  },
  httpClient: HTTP_CLIENT,
  httpClients: { kind: 'named', each: HTTP_CLIENT, doc: 'Further HTTP clients by name.' },
  grpcClient: GRPC_CLIENT,
  grpcClients: { kind: 'named', each: GRPC_CLIENT, doc: 'Further gRPC clients by name.' },
  messageBroker: MESSAGE_BROKER,
  messageBrokers: { kind: 'named', each: MESSAGE_BROKER, doc: 'Further brokers by name.' },
  serviceDiscovery: SERVICE_DISCOVERY,
  mesh: MESH,
  meshServices: {
    kind: 'named',
    each: MESH_SERVICE,
    hasRest: true,
    doc: 'How the services of the mesh are called, by name; `*`: those that have no section.',
  },
  logging: LOGGING,
  shutdown: SHUTDOWN,
}
