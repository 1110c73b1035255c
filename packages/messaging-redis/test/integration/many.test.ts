import { RedisStreamsClient } from '@comm/messaging-redis'
import { waitFor } from '@comm/testkit'
import { afterAll, describe, expect, it } from '@jest/globals'
import { PlainClient } from '../support/plain-client.ts'
import { RedisUnderTest } from '../support/redis-under-test.ts'

const redis = await RedisUnderTest.start()
const plain = await PlainClient.connect(redis.options)
const command = plain.command.bind(plain)
afterAll(async () => {
  await plain[Symbol.asyncDispose]()
  await redis.close()
})

/** More than Lua has room for on its stack. */
const COUNT = 10_000
const options = { ...redis.options, group: 'many', prefetchCount: COUNT * 3, claimIdleMs: 300 }
const fill = (key: string): Promise<unknown> =>
  command('EVAL', `for id = 1, ${COUNT} do redis.call('XADD', KEYS[1], '*', 'body', id) end`, '1', key)

describe('more entries at once than a script can pass on in one command', () => {
  it.each(['many.all', 'many.own'])('are taken over from who died with them, and acknowledged: %s', async (topic) => {
    const key = topic === 'many.own' ? `{${topic}}:only:many` : topic
    await command('XGROUP', 'CREATE', key, 'many', '0', 'MKSTREAM')
    await fill(key)
    await command('XREADGROUP', 'GROUP', 'many', 'dead', 'COUNT', String(COUNT), 'STREAMS', key, '>')
    await using client = new RedisStreamsClient(options)
    const bodies = new Set<unknown>()
    await client.subscribe(topic, (body) => void bodies.add(body), { concurrency: COUNT })
    await waitFor(() => bodies.size === COUNT, { what: 'all of them', timeoutMs: 40_000 })
    const pending = async () => ((await command('XPENDING', key, 'many')) as readonly unknown[])[0]
    await waitFor(async () => (await pending()) === 0, { what: 'everything to be acknowledged' })
    expect(bodies.size).toBe(COUNT)
  })

  it('are acknowledged where they came in one read', async () => {
    const key = '{many.read}:only:many'
    await using client = new RedisStreamsClient(options)
    const bodies = new Set<unknown>()
    await client.subscribe('many.read', (body) => void bodies.add(body), { concurrency: COUNT })
    await fill(key)
    await waitFor(() => bodies.size === COUNT, { what: 'all of them', timeoutMs: 40_000 })
    await waitFor(async () => (await command('XLEN', key)) === 0, { what: 'everything to be acknowledged' })
  })
})
