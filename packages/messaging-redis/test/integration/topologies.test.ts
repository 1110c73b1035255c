import { RedisPubSubAdapter, RedisStreamsAdapter, RedisStreamsClient } from '@comm/messaging-redis'
import { brokerContract, handlerSpy, waitFor } from '@comm/testkit'
import { ownProcessSources, startRedis, startRedisCluster, startRedisSentinel } from '@comm/testkit/servers'
import { afterAll, describe, expect, it } from '@jest/globals'

const LOCAL = { sources: ownProcessSources() } as const
const [tls, sentinel, cluster] = await Promise.all([
  startRedis({ ...LOCAL, tls: 'mutual', password: 'secret' }),
  startRedisSentinel(LOCAL),
  startRedisCluster(LOCAL),
])
afterAll(async () => {
  await Promise.all([tls.close(), sentinel.close(), cluster.close()])
})
const runner = { describe, it, afterAll }
const claimIdleMs = 5000

const overTls = {
  host: 'localhost',
  port: Number(new URL(String(tls.urls['tls'])).port),
  password: 'secret',
  ssl: { enabled: true, ...tls.tls },
}
const bySentinel = {
  topology: 'sentinel',
  hosts: sentinel.sentinels.map(({ host, port }) => `${host}:${port}`),
  masterName: sentinel.masterName,
} as const
const inCluster = { topology: 'cluster', hosts: cluster.nodes.map(({ host, port }) => `${host}:${port}`) } as const

for (const [name, options] of Object.entries({
  'TLS with client certificates': overTls,
  Sentinel: bySentinel,
  Cluster: inCluster,
})) {
  const createAdapter = (): RedisStreamsAdapter => new RedisStreamsAdapter({ ...options, claimIdleMs })
  brokerContract(runner, { name: `Redis Streams, ${name}`, features: createAdapter().features, createAdapter })
}

const createSharded = (): RedisPubSubAdapter => new RedisPubSubAdapter({ ...inCluster, sharded: true })
brokerContract(runner, {
  name: 'Redis Pub/Sub, sharded in a Cluster',
  features: createSharded().features,
  createAdapter: createSharded,
  admin: 'none',
  skip: { metadata: 'a Pub/Sub message is its payload alone: key and time are attributes of the event inside it' },
})

describe('failover', () => {
  it('goes on with the new master that the Sentinels name', async () => {
    await using client = new RedisStreamsClient({ ...bySentinel, group: 'failover', heartbeatMs: 500 })
    const spy = handlerSpy<[body: unknown]>()
    await client.subscribe('failover', spy, { from: 'earliest' })
    await client.publish('failover', 'before')
    await spy.called(1)
    await sentinel.master.kill()
    await client.publish('failover', 'after', { timeoutMs: 45_000, unroutable: 'ignore' })
    await waitFor(() => spy.messages.includes('after'), { what: 'the message' })
    expect((await client.health()).status).toBe('up')
  })
})
