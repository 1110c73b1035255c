import { type InspectOptions, inspect } from 'node:util'
import { ConfigurationError } from '@comm/core'
import type { Environment } from './layers/environment-layer.ts'
import { type Loaded, type LoadOptions, loadAll, loadEnvironment, loadFile, loadValues, type Partially } from './load.ts'
import { redactSection, type Sources } from './resolve.ts'
import { nearest } from './schema/nearest.ts'
import { COMMUNICATION, type CommunicationSettings, type ShutdownConfig } from './settings/communication.ts'
import type { GrpcClientConfig } from './settings/grpc-client.ts'
import type { HttpClientConfig } from './settings/http-client.ts'
import type { LoggingConfig } from './settings/logging.ts'
import type { MeshConfig, MeshServiceConfig } from './settings/mesh.ts'
import type { MessageBrokerConfig } from './settings/message-broker.ts'
import type { ServiceDiscoveryConfig } from './settings/service-discovery.ts'

/**
 * The whole configuration of a service: checked, frozen, and able to say where each value came from. Whatever prints it
 * (`inspect`, `console.log`, `JSON.stringify`) shows no secret; the properties themselves hold the real values.
 *
 * Everything that makes one throws a ConfigurationError with all problems at once.
 */
export class CommunicationConfig implements CommunicationSettings {
  readonly environment: string
  readonly serviceName?: string
  readonly serviceVersion?: string
  readonly enableMetrics: boolean
  readonly enableTracing: boolean
  readonly enableHealthChecks: boolean
  readonly debugMode: boolean
  readonly detailedMetrics: boolean
  readonly httpClient: HttpClientConfig
  readonly httpClients: Readonly<Record<string, HttpClientConfig>>
  readonly grpcClient: GrpcClientConfig
  readonly grpcClients: Readonly<Record<string, GrpcClientConfig>>
  readonly messageBroker: MessageBrokerConfig
  readonly messageBrokers: Readonly<Record<string, MessageBrokerConfig>>
  readonly serviceDiscovery: ServiceDiscoveryConfig
  readonly mesh: MeshConfig
  readonly meshServices: Readonly<Record<string, MeshServiceConfig>>
  readonly logging: LoggingConfig
  readonly shutdown: ShutdownConfig
  readonly #sources: Sources

  private constructor({ settings, sources }: Loaded) {
    this.environment = settings.environment
    if (settings.serviceName !== undefined) this.serviceName = settings.serviceName
    if (settings.serviceVersion !== undefined) this.serviceVersion = settings.serviceVersion
    this.enableMetrics = settings.enableMetrics
    this.enableTracing = settings.enableTracing
    this.enableHealthChecks = settings.enableHealthChecks
    this.debugMode = settings.debugMode
    this.detailedMetrics = settings.detailedMetrics
    this.httpClient = settings.httpClient
    this.httpClients = settings.httpClients
    this.grpcClient = settings.grpcClient
    this.grpcClients = settings.grpcClients
    this.messageBroker = settings.messageBroker
    this.messageBrokers = settings.messageBrokers
    this.serviceDiscovery = settings.serviceDiscovery
    this.mesh = settings.mesh
    this.meshServices = settings.meshServices
    this.logging = settings.logging
    this.shutdown = settings.shutdown
    this.#sources = sources
    Object.defineProperty(this, inspect.custom, { value: inspectRedacted })
    Object.freeze(this)
  }

  /** Defaults < environment variables. */
  static fromEnv(env: Environment = process.env): CommunicationConfig {
    return new CommunicationConfig(loadEnvironment(env))
  }

  /** Defaults < a YAML or JSON file; the environment is not looked at. */
  static fromFile(path: string): CommunicationConfig {
    return new CommunicationConfig(loadFile(path))
  }

  /** Defaults < file < profile file < environment variables < overrides. */
  static load(options: LoadOptions = {}): CommunicationConfig {
    return new CommunicationConfig(loadAll(options))
  }

  /** Defaults < values written in code. */
  static from(values: Partially<CommunicationSettings>): CommunicationConfig {
    return new CommunicationConfig(loadValues('CommunicationConfig.from', COMMUNICATION, values))
  }

  /**
   * Where a setting's value came from: `default`, `environment HTTP_CLIENT_TIMEOUT`, `config/production.yaml:12`, `overrides`.
   * @param key the path to the setting: `httpClient.timeout.totalMs`
   * @throws ConfigurationError if there is no such setting
   */
  source(key: string): string {
    const source = this.#sources.get(key)
    if (source !== undefined) return source
    const known = nearest(key, this.#sources.keys())
    const expected = 'the path to a setting, such as httpClient.timeout.totalMs'
    const hint = known === undefined ? `; it must be ${expected}` : `; did you mean ${known}?`
    throw new ConfigurationError(`config.source() knows no setting ${inspect(key)}${hint}`, {
      problems: [{ key: 'key', received: inspect(key), expected }],
    })
  }

  /** The source of every setting, by its path. */
  sources(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#sources)
  }

  /** A plain copy with `[redacted]` in the place of secrets. */
  toJSON(): Record<string, unknown> {
    return redactSection(Object.fromEntries(Object.entries(this)), COMMUNICATION)
  }

  /** One line per setting that has a value: path, value (secrets redacted), source. */
  dump(): string {
    const shown = this.toJSON()
    const rows = [...this.#sources].flatMap(([key, source]) => {
      const value = key.split('.').reduce<unknown>((at, part) => (at as Record<string, unknown> | undefined)?.[part], shown)
      return value === undefined ? [] : [[key, JSON.stringify(value), source] as const]
    })
    const width = (column: 0 | 1): number => Math.min(60, Math.max(...rows.map((row) => row[column].length)))
    const [keyWidth, valueWidth] = [width(0), width(1)]
    return rows.map(([key, value, source]) => `${key.padEnd(keyWidth)}  ${value.padEnd(valueWidth)}  ${source}\n`).join('')
  }
}

function inspectRedacted(this: CommunicationConfig, _depth: number, options: InspectOptions): string {
  return `CommunicationConfig ${inspect(this.toJSON(), options)}`
}
