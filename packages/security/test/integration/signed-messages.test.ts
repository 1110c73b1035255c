import { randomUUID } from 'node:crypto'
import { RedisStreamsClient } from '@comm/messaging-redis'
import { sharedServer } from '@comm/testkit/servers'
import { signedCases } from '../messaging/signed-cases.ts'

const { host, port } = await sharedServer('redis')

signedCases('Redis Streams', async () => {
  const run = randomUUID()
  return {
    client: (options) => new RedisStreamsClient({ host, port, ...options }),
    topic: (name) => `${name}.${run}`,
    stop: async () => undefined,
  }
})
