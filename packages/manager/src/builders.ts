import { isDeepStrictEqual } from 'node:util'
import type {
  CommunicationConfig,
  GrpcClientConfig,
  HttpClientConfig,
  MessageBrokerConfig,
  ServiceDiscoveryConfig,
} from '@comm/config'
import type { BuildContext } from './build-context.ts'
import type { ManagedClient } from './client-component.ts'
import { REGISTRIES, saidOf } from './discovery-options.ts'
import { grpcOptions } from './grpc-options.ts'
import { httpOptions } from './http-options.ts'
import { loadPackage } from './load-package.ts'
import { meshOptions } from './mesh-options.ts'
import type { ServiceFinder } from './service-finder.ts'

interface ClientClass {
  readonly package: string
  readonly export: string
}

const DISCOVERY: ClientClass = { package: '@comm/discovery', export: 'ServiceDiscovery' }
const GRPC: ClientClass = { package: '@comm/grpc', export: 'GrpcClient' }
const MESH: ClientClass = { package: '@comm/mesh', export: 'Mesh' }
const HTTP: ClientClass = { package: '@comm/http', export: 'EnhancedHttpClient' }

const BROKERS: Readonly<Record<MessageBrokerConfig['type'], ClientClass>> = {
  memory: { package: '@comm/messaging', export: 'MemoryBroker' },
  rabbitmq: { package: '@comm/messaging-rabbit', export: 'RabbitMQClient' },
  kafka: { package: '@comm/messaging-kafka', export: 'KafkaClient' },
  redis: { package: '@comm/messaging-redis', export: 'RedisPubSubClient' },
  'redis-streams': { package: '@comm/messaging-redis', export: 'RedisStreamsClient' },
}

async function build<Made = ManagedClient>(
  client: ClientClass,
  wantedBy: string,
  options: Readonly<Record<string, unknown>>,
): Promise<Made> {
  const loaded = await loadPackage(client.package, wantedBy)
  const type = loaded[client.export]
  if (typeof type !== 'function')
    throw new TypeError(`${client.package} has no ${client.export}; its version does not fit this manager`)
  return Reflect.construct(type, [options]) as Made
}

export async function buildHttpClient(
  config: HttpClientConfig,
  context: BuildContext,
  finder: ServiceFinder | undefined,
): Promise<ManagedClient> {
  return build(HTTP, `the component '${context.name}'`, httpOptions(config, context, finder))
}

export async function buildGrpcClient(
  config: GrpcClientConfig,
  context: BuildContext,
  finder: ServiceFinder | undefined,
): Promise<ManagedClient> {
  return build(GRPC, `the component '${context.name}'`, grpcOptions(config, context, finder))
}

export function buildMesh(config: CommunicationConfig, context: BuildContext, discovery: object): Promise<ManagedClient> {
  return build(MESH, `the component '${context.name}'`, meshOptions(config, context, discovery))
}

export function buildBroker(config: MessageBrokerConfig, { name, serviceName, logger }: BuildContext): Promise<ManagedClient> {
  const { type, ...section } = config
  const identity = { name, logger, ...(serviceName === undefined ? {} : { group: serviceName, source: `/${serviceName}` }) }
  return build(
    BROKERS[type],
    `the component '${name}' of type '${type}'`,
    type === 'memory' ? identity : { ...whatIsSaid(section), ...identity },
  )
}

export async function buildDiscovery(config: ServiceDiscoveryConfig, { name, logger }: BuildContext): Promise<ManagedClient> {
  const wantedBy = `the component '${name}' of type '${config.type}'`
  const { module, needs, options, ...registry } = REGISTRIES[config.type]
  // Whoever lacks the package is told its name, not that of a part of it.
  for (const each of [DISCOVERY.package, needs]) if (each !== undefined) await loadPackage(each, wantedBy)
  const made = await build<object>({ package: module, ...registry }, wantedBy, options(saidOf(config)))
  return build(DISCOVERY, wantedBy, { registry: made, name, logger })
}

/** What says nothing where a broker has no such thing: the section is one for all of them. What says something reaches its client. */
const SAYS_NOTHING: Partial<MessageBrokerConfig> = { virtualHost: '/', database: 0, producerConfig: {}, consumerConfig: {} }

function whatIsSaid(section: Omit<MessageBrokerConfig, 'type'>): Readonly<Record<string, unknown>> {
  const nothing: Readonly<Record<string, unknown>> = SAYS_NOTHING
  return Object.fromEntries(
    Object.entries(section).filter(([name, value]) => value !== undefined && !isDeepStrictEqual(value, nothing[name])),
  )
}
