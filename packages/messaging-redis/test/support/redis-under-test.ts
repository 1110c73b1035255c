import type { BrokerAdapter } from '@comm/messaging'
import type { RedisConnectionOptions } from '@comm/redis-stores'
import type { BrokerUnderTest } from '@comm/testkit'
import { ownProcessSources, startRedis, type TestServer } from '@comm/testkit/servers'
import { killConnections, named } from './kill-connections.ts'

/** A server that stops and comes back, and the adapters on it. */
export class RedisUnderTest {
  readonly server: TestServer
  readonly options: RedisConnectionOptions

  private constructor(server: TestServer) {
    this.server = server
    this.options = { host: server.host, port: server.port }
  }

  static async start(): Promise<RedisUnderTest> {
    return new RedisUnderTest(await startRedis({ sources: ownProcessSources(), appendfsync: 'always' }))
  }

  broker(name: string, make: (options: RedisConnectionOptions) => BrokerAdapter): BrokerUnderTest {
    const { server, options } = this
    return {
      name,
      features: make(options).features,
      createAdapter: () => named((clientId) => make({ ...options, clientId })),
      sever: (adapter) => killConnections(adapter, options),
      outage: { begin: () => server.kill(), end: () => server.restart() },
    }
  }

  close(): Promise<void> {
    return this.server.close()
  }
}
