import { RedisPubSubAdapter, RedisStreamsAdapter } from '@comm/messaging-redis'
import { RedisConnection } from '@comm/redis-stores'
import { brokerContract, pipelineSuite, supportInReadme } from '@comm/testkit'
import { afterAll, describe, it } from '@jest/globals'
import { RedisUnderTest } from '../support/redis-under-test.ts'

const redis = await RedisUnderTest.start()
afterAll(() => redis.close())
const runner = { describe, it, afterAll }
const report = supportInReadme(new URL('../../README.md', import.meta.url))

const streams = redis.broker('Redis Streams', (options) => new RedisStreamsAdapter({ ...options, claimIdleMs: 5000 }))
brokerContract(runner, {
  ...streams,
  report,
  async deleteTopic(topic) {
    await using connection = new RedisConnection(redis.options)
    await connection.connect(new AbortController().signal)
    await connection.require('delete a topic').send(topic, ['DEL', topic])
  },
})
pipelineSuite(runner, streams)

const pubsub = redis.broker('Redis Pub/Sub', (options) => new RedisPubSubAdapter(options))
brokerContract(runner, {
  ...pubsub,
  report,
  admin: 'none',
  skip: { metadata: 'a Pub/Sub message is its payload alone: key and time are attributes of the event inside it' },
})
pipelineSuite(runner, { ...pubsub, admin: 'none' })
