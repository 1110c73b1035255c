import { sleep } from '@comm/core'
import { RedisConnection, RedisDedupStore } from '@comm/redis-stores'
import { dedupStoreContract, waitFor } from '@comm/testkit'
import { ownProcessSources, startRedis } from '@comm/testkit/servers'
import { afterAll, describe, expect, it } from '@jest/globals'

const server = await startRedis({ sources: ownProcessSources(), appendfsync: 'always' })
afterAll(() => server.close())
const { host, port } = server

dedupStoreContract({ describe, it }, 'Redis', () => {
  const store = new RedisDedupStore({ connection: { host, port } })
  return { store, pass: sleep, dispose: () => store[Symbol.asyncDispose]() }
})

describe('RedisDedupStore', () => {
  it('remembers over a kill -9 of the server, and says meanwhile that it cannot be asked', async () => {
    await using connection = new RedisConnection({ host, port })
    await connection.connect(new AbortController().signal)
    await using store = new RedisDedupStore({ connection, keyPrefix: 'killed:' })
    const claim = await store.claim('order-7', 60_000)
    if (claim.state === 'claimed') await store.commit('order-7', claim.token, 60_000)
    await server.kill()
    await expect(store.claim('order-7', 60_000)).rejects.toMatchObject({ code: 'COMM_CONNECTION', retryable: true })
    await server.restart()
    await waitFor(async () => (await connection.health()).status === 'up', { what: 'the connection' })
    expect(await store.claim('order-7', 60_000)).toEqual({ state: 'done' })
  })

  it('leaves a connection that was passed in to whoever made it', async () => {
    await using connection = new RedisConnection({ host, port })
    await connection.connect(new AbortController().signal)
    await new RedisDedupStore({ connection })[Symbol.asyncDispose]()
    expect((await connection.health()).status).toBe('up')
  })
})
