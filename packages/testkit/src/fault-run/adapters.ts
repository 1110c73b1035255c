import { type BrokerAdapter, MessageClient } from '@comm/messaging'
import type { BrokerName } from './options.ts'

/** What a process needs to know to use the broker. */
export interface BrokerAddress {
  readonly broker: Exclude<BrokerName, 'memory'>
  readonly host: string
  readonly port: number
  readonly queue: 'quorum' | 'classic'
}

interface AdapterClass {
  readonly package: string
  readonly export: string
  options?(address: BrokerAddress): Readonly<Record<string, unknown>>
}

/** How long a run waits for what a killed consumer held. */
const CLAIM_IDLE_MS = 3000

/** Of each topic: more than there are consumers. */
const PARTITIONS = 6

/** Packages are loaded only for the broker that is asked for. */
const ADAPTERS: Readonly<Record<BrokerAddress['broker'], AdapterClass>> = {
  rabbit: { package: '@comm/messaging-rabbit', export: 'RabbitMQAdapter', options: ({ queue }) => ({ queueType: queue }) },
  kafka: { package: '@comm/messaging-kafka', export: 'KafkaAdapter', options: () => ({ partitions: PARTITIONS }) },
  'redis-streams': {
    package: '@comm/messaging-redis',
    export: 'RedisStreamsAdapter',
    options: () => ({ claimIdleMs: CLAIM_IDLE_MS }),
  },
}

/** @throws TypeError if the package has no such adapter */
export async function makeAdapter(address: BrokerAddress): Promise<BrokerAdapter> {
  const { package: name, export: exported, options } = ADAPTERS[address.broker]
  const { [exported]: Adapter } = (await import(name)) as Record<string, unknown>
  if (typeof Adapter !== 'function') throw new TypeError(`${name} exports no ${exported}`)
  const { host, port } = address
  return Reflect.construct(Adapter, [{ host, port, ...options?.(address) }]) as BrokerAdapter
}

/** Longer than any fault lasts, so that a publish fails only where no patience helps. */
const PUBLISH_TIMEOUT_MS = 120_000

export function clientOver(adapter: BrokerAdapter, name: string): MessageClient {
  return new MessageClient(adapter, { name, publishTimeoutMs: PUBLISH_TIMEOUT_MS })
}
