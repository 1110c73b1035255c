import { startRedisCluster, startRedisSentinel } from '@comm/testkit/servers'
import { describe, expect, it } from '@jest/globals'
import { createCluster, createSentinel } from 'redis'
import { redisCommands } from '../../../src/servers/ping/redis.ts'
import { waitFor } from '../../../src/wait-for.ts'
import { isAlive } from '../../support/is-alive.ts'

const LIMIT_MS = 120_000

describe('startRedisCluster', () => {
  it(
    'serves every slot, fails over to a replica, and leaves no process',
    async () => {
      const cluster = await startRedisCluster({ replicas: 1 })
      const pids = cluster.nodes.map((node) => node.pid!)
      expect(cluster.urls).toHaveLength(6)
      const client = createCluster({ rootNodes: cluster.urls.map((url) => ({ url })) })
      await client.connect()
      const keys = Array.from({ length: 50 }, (_, index) => `key ${index}`)
      await Promise.all(keys.map((key) => client.set(key, key)))
      expect(await Promise.all(keys.map((key) => client.get(key)))).toEqual(keys)
      client.destroy()

      await cluster.nodes[0]!.kill()
      await waitFor(async () => (await infoOf(cluster.nodes[3]!, 'replication')).includes('role:master'))
      await cluster.close()
      expect(pids.filter(isAlive)).toEqual([])
    },
    LIMIT_MS,
  )
})

describe('startRedisSentinel', () => {
  it(
    'names the master, and the replica once the master is gone',
    async () => {
      const group = await startRedisSentinel({ downAfterMs: 500 })
      const { masterName: name, master, replicas, sentinels } = group
      const pids = [master, ...replicas, ...sentinels].map((server) => server.pid!)
      const rootNodes = sentinels.map(({ host, port }) => ({ host, port }))
      const client = createSentinel({ name, sentinelRootNodes: rootNodes })
      client.on('error', () => undefined)
      await client.connect()
      expect(await client.set('key', 'value')).toBe('OK')
      await client.destroy()

      await master.kill()
      const named = async () => (await redisCommands(sentinels[0]!, [['INFO', 'sentinel']], AbortSignal.timeout(1_000)))[0]
      const replica = replicas[0]!
      await waitFor(async () => (await named())?.includes(`address=${replica.host}:${replica.port}`))
      await group.close()
      expect(pids.filter(isAlive)).toEqual([])
    },
    LIMIT_MS,
  )
})

async function infoOf(node: { readonly host: string; readonly port: number }, section: string): Promise<string> {
  return (await redisCommands(node, [['INFO', section]], AbortSignal.timeout(1_000)))[0] as string
}
