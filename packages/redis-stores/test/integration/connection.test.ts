import { RedisConnection } from '@comm/redis-stores/connection'
import { waitFor } from '@comm/testkit'
import { startFaultProxy } from '@comm/testkit/fault-proxy'
import { sharedServer } from '@comm/testkit/servers'
import { describe, expect, it } from '@jest/globals'

const { host, port } = await sharedServer('redis')

describe('several who connect at once', () => {
  it('each wait as long as they like, and share one connection', async () => {
    await using proxy = await startFaultProxy({ target: { host, port } })
    await using connection = new RedisConnection({ host: proxy.host, port: proxy.port })
    proxy.halfOpen()
    const hasty = new AbortController()
    const first = connection.connect(hasty.signal)
    const second = connection.connect(new AbortController().signal)
    hasty.abort(new Error('in a hurry'))
    await expect(first).rejects.toMatchObject({ code: 'COMM_ABORTED', cause: { message: 'in a hurry' } })
    await proxy.heal()
    await second
    expect((await connection.health()).status).toBe('up')
  })

  it('leave no socket when the last of them gives up, and may begin anew', async () => {
    await using proxy = await startFaultProxy({ target: { host, port } })
    await using connection = new RedisConnection({ host: proxy.host, port: proxy.port })
    proxy.halfOpen()
    const stops = [new AbortController(), new AbortController()]
    const connects = stops.map(({ signal }) => connection.connect(signal))
    for (const stop of stops) stop.abort()
    const results = await Promise.allSettled(connects)
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    await proxy.heal()
    await waitFor(() => proxy.connections === 0, { what: 'the sockets to be gone' })
    await connection.connect(new AbortController().signal)
    expect((await connection.health()).status).toBe('up')
  })
})
