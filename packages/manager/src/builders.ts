import { isDeepStrictEqual } from 'node:util'
import type { HttpClientConfig, MessageBrokerConfig } from '@comm/config'
import type { BuildContext } from './build-context.ts'
import type { ManagedClient } from './client-component.ts'
import { httpOptions } from './http-options.ts'
import { loadPackage } from './load-package.ts'

interface ClientClass {
  readonly package: string
  readonly export: string
}

const HTTP: ClientClass = { package: '@comm/http', export: 'EnhancedHttpClient' }

const BROKERS: Readonly<Record<MessageBrokerConfig['type'], ClientClass>> = {
  memory: { package: '@comm/messaging', export: 'MemoryBroker' },
  rabbitmq: { package: '@comm/messaging-rabbit', export: 'RabbitMQClient' },
  kafka: { package: '@comm/messaging-kafka', export: 'KafkaClient' },
  redis: { package: '@comm/messaging-redis', export: 'RedisPubSubClient' },
  'redis-streams': { package: '@comm/messaging-redis', export: 'RedisStreamsClient' },
}

async function build(client: ClientClass, wantedBy: string, options: Readonly<Record<string, unknown>>): Promise<ManagedClient> {
  const loaded = await loadPackage(client.package, wantedBy)
  const type = loaded[client.export]
  if (typeof type !== 'function')
    throw new TypeError(`${client.package} has no ${client.export}; its version does not fit this manager`)
  return Reflect.construct(type, [options]) as ManagedClient
}

export async function buildHttpClient(config: HttpClientConfig, context: BuildContext): Promise<ManagedClient> {
  return build(HTTP, `the component '${context.name}'`, await httpOptions(config, context))
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

/** What says nothing where a broker has no such thing: the section is one for all of them. What says something reaches its client. */
const SAYS_NOTHING: Partial<MessageBrokerConfig> = { virtualHost: '/', database: 0, producerConfig: {}, consumerConfig: {} }

function whatIsSaid(section: Omit<MessageBrokerConfig, 'type'>): Readonly<Record<string, unknown>> {
  const nothing: Readonly<Record<string, unknown>> = SAYS_NOTHING
  return Object.fromEntries(
    Object.entries(section).filter(([name, value]) => value !== undefined && !isDeepStrictEqual(value, nothing[name])),
  )
}
