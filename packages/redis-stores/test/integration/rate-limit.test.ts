import { setTimeout as sleep } from 'node:timers/promises'
import { RedisRateLimitStore } from '@comm/redis-stores'
import { rateLimitStoreContract } from '@comm/testkit'
import { startRedis } from '@comm/testkit/servers'
import { afterAll, describe, it } from '@jest/globals'

const server = await startRedis({ sources: ['local', 'debian12'] })
afterAll(() => server.close())
const { host, port } = server

rateLimitStoreContract({ describe, it }, 'Redis', () => {
  const store = new RedisRateLimitStore({ connection: { host, port }, timeoutMs: 25_000, whenAway: 'reject' })
  return { store, pass: (ms) => sleep(Math.ceil(ms) + 2), dispose: () => store[Symbol.asyncDispose]() }
})
