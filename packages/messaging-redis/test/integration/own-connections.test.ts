import { RedisStreamsClient } from '@comm/messaging-redis'
import { TestClock, waitFor } from '@comm/testkit'
import { afterAll, describe, expect, it } from '@jest/globals'
import { freezableWay } from '../support/freezable-way.ts'
import { PlainClient } from '../support/plain-client.ts'
import { RedisUnderTest } from '../support/redis-under-test.ts'

const redis = await RedisUnderTest.start()
const plain = await PlainClient.connect(redis.options)
const command = plain.command.bind(plain)
afterAll(async () => {
  await plain[Symbol.asyncDispose]()
  await redis.close()
})

describe('the connections of subscriptions', () => {
  it('gives up a connection that is dead while the others are not, also with acknowledgements on their way over it', async () => {
    const clock = new TestClock()
    await using way = await freezableWay(redis.options)
    await using client = new RedisStreamsClient({ host: way.host, port: way.port, group: 'half-dead', heartbeatMs: 0, clock })
    const received: unknown[] = []
    await client.subscribe('half-dead', (body) => {
      received.push(body)
      // What acknowledges this one goes out with the next read.
      if (body === 1) way.freeze('XREADGROUP')
    })
    await command('XADD', 'half-dead', '*', 'body', '1')
    await waitFor(() => received.includes(1), { what: 'the first' })
    await command('XADD', 'half-dead', '*', 'body', '2')
    await waitFor(() => clock.advance(1000).then(() => received.includes(2)), { what: 'what came later' })
    const pending = async () => (await command('XPENDING', 'half-dead', 'half-dead')) as readonly unknown[]
    await waitFor(async () => (await pending())[0] === 0, { what: 'everything to be acknowledged' })
    expect(received).toEqual([1, 2])
  })

  it('leaves no connection open where only one of several topics could be subscribed', async () => {
    await command('SET', 'mixed.wrong', 'no stream')
    await using client = new RedisStreamsClient({ ...redis.options, group: 'mixed', clientId: 'mixed' })
    await expect(client.subscribe(['mixed.wrong', 'mixed.right'], () => undefined)).rejects.toThrow('mixed.wrong')
    // Takes longer than what the other may have left under way.
    await (await client.subscribe('mixed.right', () => undefined)).stop()
    const open = async () => String(await command('CLIENT', 'LIST')).match(/ name=mixed /g)?.length
    await waitFor(async () => (await open()) === 1, { what: 'the connection of the client alone' })
  })

  it('leaves no connection open that may not ask for its own name', async () => {
    const user = { username: 'nameless', password: 'p4ss' }
    await command('ACL', 'SETUSER', user.username, 'on', `>${user.password}`, '~*', '&*', '+@all', '-client|id')
    await using client = new RedisStreamsClient({ ...redis.options, ...user, group: 'mixed', clientId: 'nameless' })
    await expect(client.subscribe('nameless', () => undefined)).rejects.toThrow(/client\|id/)
    const open = async () => String(await command('CLIENT', 'LIST')).match(/ name=nameless /g)?.length
    await waitFor(async () => (await open()) === 1, { what: 'the connection of the client alone' })
  })
})
