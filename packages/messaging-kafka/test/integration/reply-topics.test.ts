import { KafkaClient } from '@comm/messaging-kafka'
import { waitFor } from '@comm/testkit'
import { sharedServer } from '@comm/testkit/servers'
import { describe, expect, it } from '@jest/globals'
import kafkajs from 'kafkajs'

const LIMIT_MS = 120_000
const { url } = await sharedServer('kafka')

describe('the topic of replies', () => {
  it(
    'is kept for a day at most, is gone with its client, and a late reply does not bring it back',
    async () => {
      const topic = `replies.${process.pid}.${Date.now()}`
      const admin = new kafkajs.Kafka({ brokers: [url], logLevel: kafkajs.logLevel.NOTHING }).admin()
      await admin.connect()
      const before = new Set(await admin.listTopics())
      const replyTopics = async (): Promise<readonly string[]> =>
        (await admin.listTopics()).filter((name) => name.startsWith('reply.') && !before.has(name))
      await using responding = new KafkaClient({ hosts: [url] })
      const late = Promise.withResolvers<void>()
      let answered = 0
      await responding.respond(topic, async (body) => {
        if (body === 'late') await late.promise
        answered++
        return `re: ${body}`
      })
      {
        await using asking = new KafkaClient({ hosts: [url], closeTimeoutMs: 1000 })
        expect(await asking.request(topic, 'first', { timeoutMs: 60_000 })).toBe('re: first')
        const [name = ''] = await replyTopics()
        expect(await replyTopics()).toHaveLength(1)
        const { resources } = await admin.describeConfigs({
          includeSynonyms: false,
          resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name, configNames: ['retention.ms'] }],
        })
        expect(resources[0]?.configEntries[0]).toMatchObject({ configName: 'retention.ms', configValue: '86400000' })
        void asking.request(topic, 'late', { timeoutMs: 60_000 }).catch(() => undefined)
        await waitFor(() => responding.stats.inFlight === 1, { what: 'the second request' })
      }
      await waitFor(async () => (await replyTopics()).length === 0, { what: 'the end of the reply topic' })
      late.resolve()
      await waitFor(() => answered === 2 && responding.stats.inFlight === 0, { what: 'the late reply', timeoutMs: 60_000 })
      expect(await replyTopics()).toEqual([])
      await admin.disconnect()
    },
    LIMIT_MS,
  )
})
