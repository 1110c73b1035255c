import { CommunicationConfig, type CommunicationSettings } from '@comm/config'
import {
  ConfigurationError,
  type HealthReport,
  type HttpCaller,
  type Logger,
  type ManagerComponents,
  type MeshCaller,
  type Messenger,
  type ServiceCaller,
  type ServiceDirectory,
  type StopReport,
} from '@comm/core'
import { boolean, callable, checkOptions, describeValue, object, type Rules } from '@comm/core/options'
import type { ManagedClient } from './client-component.ts'

/** With `@comm/http` imported, its client; else what every HTTP client can do. */
export type ManagedHttp = ManagerComponents extends { readonly http: infer Client } ? Client : HttpCaller

/** With `@comm/grpc` imported, its client; else what every gRPC client can do. */
export type ManagedGrpc = ManagerComponents extends { readonly grpc: infer Client } ? Client : ServiceCaller

/** With `@comm/mesh` imported, as its class has them; else what every mesh can do. */
export type ManagedMesh = ManagerComponents extends { readonly mesh: infer Client extends MeshCaller }
  ? Pick<Client, keyof MeshCaller>
  : MeshCaller

/** With `@comm/mesh` imported, its class. */
export type LoadedMesh = ManagerComponents extends { readonly mesh: infer Client extends MeshCaller } ? Client : MeshCaller

/** With `@comm/messaging` imported, its client; else what every broker client can do. */
export type ManagedMessaging = ManagerComponents extends { readonly messaging: infer Client } ? Client : Messenger

/** With `@comm/discovery` imported, as its class has them; else what every service discovery can do. */
export type ManagedDiscovery = ManagerComponents extends { readonly discovery: infer Client extends ServiceDirectory }
  ? Pick<Client, keyof ServiceDirectory>
  : ServiceDirectory

/** Switches that the options may say in place of the configuration. */
type ManagerSwitches = Pick<
  CommunicationSettings,
  'enableMetrics' | 'enableTracing' | 'enableHealthChecks' | 'debugMode' | 'detailedMetrics'
>

/** What the manager itself reads of a configuration. */
export type ManagerSettings = ManagerSwitches & Pick<CommunicationSettings, 'serviceName' | 'logging'>

export interface ManagerOptions {
  /** In place of the configuration: collects metrics, which `metricsHandler` serves. @default that of the configuration */
  readonly enableMetrics?: boolean
  /** In place of the configuration: records and exports traces. @default that of the configuration */
  readonly enableTracing?: boolean
  /** In place of the configuration: asks the components for their health. @default that of the configuration */
  readonly enableHealthChecks?: boolean
  /** In place of the configuration: the logger that the manager makes logs at level `debug`. @default that of the configuration */
  readonly debugMode?: boolean
  /** In place of the configuration: metrics of HTTP calls by path too. @default that of the configuration */
  readonly detailedMetrics?: boolean
  /**
   * Clients made elsewhere, by component name (`http`, `grpc`, `messaging`, `discovery`, `mesh`, `http:billing`); each takes the place of the one that the
   * configuration describes, and is started and stopped with the rest.
   */
  readonly components?: Readonly<Record<string, ManagedClient>>
  /** @default that of `@comm/logging` as configured, where it is installed; else silent */
  readonly logger?: Logger
  /** Called once everything has started. An error it throws stops the manager again. */
  readonly onStartup?: () => void | Promise<void>
  /** Called when the stop has ended. */
  readonly onShutdown?: (report: StopReport) => void | Promise<void>
  /** Called when a health check finds the whole or a component in another state than the check before. */
  readonly onHealthChange?: (report: HealthReport) => void
}

const RULES: Rules<ManagerOptions> = {
  enableMetrics: boolean,
  enableTracing: boolean,
  enableHealthChecks: boolean,
  debugMode: boolean,
  detailedMetrics: boolean,
  components: object,
  logger: { ...object, expected: 'a Logger, such as createLogger() of @comm/logging makes' },
  onStartup: callable,
  onShutdown: callable,
  onHealthChange: callable,
}

export function checkManagerOptions(options: ManagerOptions): void {
  checkOptions<ManagerOptions>('CommunicationManager', options, RULES)
}

const SWITCHES = ['enableMetrics', 'enableTracing', 'enableHealthChecks', 'debugMode', 'detailedMetrics'] as const

/** A configuration with the switches that the options say in its place. */
export function settingsOf(config: ManagerSettings, options: ManagerOptions): ManagerSettings {
  const { serviceName, logging } = config
  const switches = Object.fromEntries(SWITCHES.map((name) => [name, options[name] ?? config[name]])) as unknown as ManagerSwitches
  return { ...switches, logging, ...(serviceName === undefined ? {} : { serviceName }) }
}

/** @throws ConfigurationError */
export function checkConfig(config: unknown): asserts config is CommunicationConfig {
  if (config instanceof CommunicationConfig) return
  const expected = 'a CommunicationConfig, such as CommunicationConfig.fromEnv() or CommunicationConfig.from({ … })'
  const received = describeValue(config)
  throw new ConfigurationError(`CommunicationManager config must be ${expected}, got ${received}`, {
    problems: [{ key: 'config', expected, received }],
  })
}
