import { EtcdRegistry } from '@comm/discovery/etcd'
import { registryContract } from '@comm/testkit'
import { startFaultProxy } from '@comm/testkit/fault-proxy'
import { startEtcd } from '@comm/testkit/servers'
import { afterAll, describe, it } from '@jest/globals'
import { report } from '../support/support-table.ts'

const etcd = await startEtcd()
const proxy = await startFaultProxy({ target: { host: etcd.host, port: etcd.port } })
afterAll(async () => {
  await proxy.close()
  await etcd.close()
})

registryContract(
  { describe, it, afterAll },
  {
    name: 'etcd',
    report,
    features: new EtcdRegistry().features,
    createRegistry: () => new EtcdRegistry({ host: proxy.host, port: proxy.port, idleMs: 1000, requestTimeoutMs: 10_000 }),
    outage: { begin: () => etcd.kill(), end: () => etcd.restart() },
    sever: () => proxy.reset(),
    limits: { ttlMs: 2000 },
  },
)
