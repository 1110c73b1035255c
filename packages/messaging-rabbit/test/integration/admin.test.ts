import { RabbitMQAdapter } from '@comm/messaging-rabbit'
import { waitFor } from '@comm/testkit'
import { sharedServer } from '@comm/testkit/servers'
import { describe, expect, it } from '@jest/globals'

const { url } = await sharedServer('rabbitmq')
const topic = `admin.${process.pid}.${Date.now()}`
const never = new AbortController().signal
const COUNT = 50

describe('admin', () => {
  it('looks no further than it has to for what it removes', async () => {
    await using adapter = new RabbitMQAdapter({ url })
    await adapter.connect(never)
    const records = Array.from({ length: COUNT }, (_, index) => ({
      topic,
      group: 'g',
      body: Buffer.from(String(index)),
      headers: {},
    }))
    await adapter.publish(records, never)
    const [first] = await adapter.admin.browse({ topic, group: 'g', limit: 1 })
    expect(await adapter.admin.remove(topic, [String(first?.id)], 'g')).toBe(1)
    const seenBefore: boolean[] = []
    await adapter.subscribe({ topics: [topic], group: 'g', maxUnsettled: COUNT, lanes: 'none' }, (delivery) => {
      seenBefore.push(delivery.redeliveries !== 0)
      void delivery.settle('ack')
    })
    await waitFor(() => seenBefore.length === COUNT - 1, { what: 'the others' })
    expect(seenBefore.filter((isSeen) => isSeen)).toEqual([])
  }, 120_000)
})
