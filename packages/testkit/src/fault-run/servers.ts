import { type BrokerAdapter, MemoryBrokerAdapter, MemoryServer } from '@comm/messaging'
import { type FaultProxy, startFaultProxy } from '../fault-proxy/index.ts'
import { freePorts } from '../free-port.ts'
import { ownProcessSources, type SourceChoice } from '../servers/find/sources.ts'
import { startKafka } from '../servers/kinds/kafka.ts'
import { startRabbitMQ } from '../servers/kinds/rabbitmq.ts'
import { startRedis } from '../servers/kinds/redis.ts'
import type { TestServer } from '../servers/server.ts'
import { type BrokerAddress, makeAdapter } from './adapters.ts'
import type { BrokerName } from './options.ts'

type RealBroker = BrokerAddress['broker']

/** @param port where clients are to reach it, if not at its own */
type Starter = (sources: readonly SourceChoice[], port: number | undefined) => Promise<TestServer>

const STARTERS: Readonly<Record<RealBroker, Starter>> = {
  rabbit: (sources) => startRabbitMQ({ sources }),
  'redis-streams': (sources) => startRedis({ sources, appendfsync: 'always' }),
  // Kafka tells its clients where to reach it.
  kafka: (sources, port) =>
    startKafka({ sources, ...(port && { config: { 'advertised.listeners': `MAIN://127.0.0.1:${port}` } }) }),
}

/** A broker of the run's own. @throws ServiceUnavailableError if it could not be started */
export function startOwnBroker(broker: RealBroker): Promise<TestServer> {
  return STARTERS[broker](ownProcessSources(), undefined)
}

/** One that is reached through a proxy, which can break the way to it. */
export interface ProxiedBroker extends AsyncDisposable {
  readonly server: TestServer
  readonly proxy: FaultProxy
}

/** @throws ServiceUnavailableError if it could not be started */
export async function startProxiedBroker(broker: RealBroker): Promise<ProxiedBroker> {
  const [port] = (await freePorts(1)) as [number]
  const server = await STARTERS[broker](ownProcessSources(), port)
  const proxy = await startFaultProxy({ port, target: { host: server.host, port: server.port } })
  return {
    server,
    proxy,
    async [Symbol.asyncDispose]() {
      await proxy.close()
      await server.close()
    },
  }
}

/** A broker, real or in this process, and how to reach it. */
export interface OpenedBroker extends AsyncDisposable {
  adapter(): Promise<BrokerAdapter>
  kill(): Promise<void>
  /** Resolves once it answers. */
  restart(): Promise<void>
}

/** @throws ServiceUnavailableError if it could not be started */
export async function openBroker(broker: BrokerName, queue: BrokerAddress['queue']): Promise<OpenedBroker> {
  if (broker === 'memory') return memoryBroker()
  const server = await startOwnBroker(broker)
  const { host, port } = server
  return {
    adapter: () => makeAdapter({ broker, host, port, queue }),
    kill: () => server.kill(),
    restart: () => server.restart(),
    [Symbol.asyncDispose]: () => server.close(),
  }
}

function memoryBroker(): OpenedBroker {
  const server = new MemoryServer()
  return {
    adapter: async () => new MemoryBrokerAdapter({ server }),
    kill: async () => server.stop(),
    restart: async () => server.start(),
    [Symbol.asyncDispose]: async () => server.stop(),
  }
}
