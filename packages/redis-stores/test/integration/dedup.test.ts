import { sleep } from '@comm/core'
import { RedisDedupStore } from '@comm/redis-stores'
import { dedupStoreContract } from '@comm/testkit'
import { describe, it } from '@jest/globals'

const port = Number(process.env['COMM_TEST_REDIS_PORT'] ?? 16379)
dedupStoreContract({ describe, it }, 'Redis', () => {
  const store = new RedisDedupStore({ connection: { host: '127.0.0.1', port } })
  return { store, pass: sleep, dispose: () => store[Symbol.asyncDispose]() }
})
