import { KafkaAdapter } from '@comm/messaging-kafka'
import { waitFor } from '@comm/testkit'
import { sharedServer } from '@comm/testkit/servers'
import { describe, expect, it } from '@jest/globals'
import kafkajs, { type Admin } from 'kafkajs'

const LIMIT_MS = 120_000
const CASES_MS = { timeoutMs: 60_000 }
const { url } = await sharedServer('kafka')
const never = new AbortController().signal

async function administer(task: (admin: Admin) => Promise<unknown>): Promise<void> {
  const admin = new kafkajs.Kafka({ brokers: [url], logLevel: kafkajs.logLevel.NOTHING }).admin()
  await admin.connect()
  try {
    await task(admin)
  } finally {
    await admin.disconnect()
  }
}

async function connected(): Promise<KafkaAdapter> {
  const adapter = new KafkaAdapter({ hosts: [url], partitions: 1 })
  await adapter.connect(never)
  return adapter
}

async function publish(adapter: KafkaAdapter, topic: string, texts: readonly string[]): Promise<void> {
  const records = texts.map((text) => ({ topic, key: 'k', body: Buffer.from(text), headers: {} }))
  expect((await adapter.publish(records, never)).filter(({ ok }) => !ok)).toEqual([])
}

describe('a topic that is deleted and made anew under a running consumer', () => {
  it(
    'is read from its new beginning, also by whoever takes over',
    async () => {
      const topic = `recreated.${process.pid}.${Date.now()}`
      const request = { topics: [topic], group: 'g', maxUnsettled: 100, lanes: 'none' } as const
      const received: string[] = []
      const before = Array.from({ length: 50 }, (_, index) => `before ${index}`)
      const after = Array.from({ length: 5 }, (_, index) => `after ${index}`)
      await using publisher = await connected()
      {
        await using consumer = await connected()
        await consumer.subscribe(request, (delivery) => {
          received.push(Buffer.from(delivery.body).toString())
          void delivery.settle('ack')
        })
        await publish(publisher, topic, before)
        await waitFor(() => received.length === before.length, { what: 'the old records', ...CASES_MS })
        await administer(async (admin) => {
          await admin.deleteTopics({ topics: [topic] })
          await admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: false })
          const isThere = (): Promise<boolean> =>
            admin.fetchTopicOffsets(topic).then(
              () => true,
              () => false,
            )
          await waitFor(isThere, { what: 'the topic made anew', ...CASES_MS })
        })
        await using another = await connected()
        await publish(another, topic, after)
        await waitFor(() => received.length === before.length + after.length, { what: 'the new records', ...CASES_MS })
        expect(received.slice(before.length)).toEqual(after)
      }
      await using heir = await connected()
      await heir.subscribe(request, (delivery) => {
        received.push(Buffer.from(delivery.body).toString())
        void delivery.settle('ack')
      })
      await publish(heir, topic, ['last'])
      await waitFor(() => received.includes('last'), { what: 'the record after them', ...CASES_MS })
      expect(received.slice(before.length)).toEqual([...after, 'last'])
    },
    LIMIT_MS,
  )
})
