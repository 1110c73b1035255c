import { ConsulRegistry } from '@comm/discovery/consul'
import { registryContract } from '@comm/testkit'
import { startFaultProxy } from '@comm/testkit/fault-proxy'
import { startConsul } from '@comm/testkit/servers'
import { afterAll, describe, it } from '@jest/globals'
import { report } from '../support/support-table.ts'

const consul = await startConsul()
const proxy = await startFaultProxy({ target: { host: consul.host, port: consul.port } })
afterAll(async () => {
  await proxy.close()
  await consul.close()
})

registryContract(
  { describe, it, afterAll },
  {
    name: 'Consul',
    report,
    features: new ConsulRegistry().features,
    createRegistry: () => new ConsulRegistry({ host: proxy.host, port: proxy.port, waitMs: 2000, requestTimeoutMs: 10_000 }),
    outage: { begin: () => consul.kill(), end: () => consul.restart() },
    sever: () => proxy.reset(),
    limits: { ttlMs: 2000 },
  },
)
