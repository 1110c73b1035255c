import { RedisRegistry } from '@comm/discovery/redis'
import { registryContract } from '@comm/testkit'
import { startFaultProxy } from '@comm/testkit/fault-proxy'
import { startRedis } from '@comm/testkit/servers'
import { afterAll, describe, it } from '@jest/globals'
import { report } from '../support/support-table.ts'

const redis = await startRedis()
const proxy = await startFaultProxy({ target: { host: redis.host, port: redis.port } })
afterAll(async () => {
  await proxy.close()
  await redis.close()
})

registryContract(
  { describe, it, afterAll },
  {
    name: 'Redis',
    report,
    features: new RedisRegistry().features,
    createRegistry: () =>
      new RedisRegistry({ connection: { host: proxy.host, port: proxy.port }, pollMs: 100, requestTimeoutMs: 10_000 }),
    outage: { begin: () => redis.kill(), end: () => redis.restart() },
    sever: () => proxy.reset(),
  },
)
