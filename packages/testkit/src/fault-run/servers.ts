import { type FaultProxy, startFaultProxy } from '../fault-proxy/index.ts'
import { freePorts } from '../free-port.ts'
import { startRabbitMQ } from '../servers/kinds/rabbitmq.ts'
import { startRedis } from '../servers/kinds/redis.ts'
import type { TestServer } from '../servers/server.ts'
import type { BrokerAddress } from './adapters.ts'

/** A broker of the run's own, reached through a proxy that can break the way to it. */
export interface BrokerUnderFault extends AsyncDisposable {
  readonly server: TestServer
  readonly proxy: FaultProxy
}

const STARTERS: Readonly<Record<BrokerAddress['broker'], () => Promise<TestServer>>> = {
  rabbit: () => startRabbitMQ({ sources: OURS_TO_KILL }),
  'redis-streams': () => startRedis({ sources: OURS_TO_KILL, appendfsync: 'always' }),
}

/** Processes of this machine: a server that others use, or in a container with a port of its own, is not for breaking. */
const OURS_TO_KILL = ['local', 'debian12'] as const

/** @throws ServiceUnavailableError if it could not be started */
export async function startBroker(broker: BrokerAddress['broker']): Promise<BrokerUnderFault> {
  const [port] = (await freePorts(1)) as [number]
  const server = await STARTERS[broker]()
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
