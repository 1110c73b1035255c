import assert from 'node:assert/strict'
import { numbered, record } from '../case-context.ts'
import { ack } from '../collector.ts'
import type { ContractTheme } from '../contract.ts'

export const replay: ContractTheme = {
  name: 'where a group begins',
  cases: [
    {
      id: 'from-new',
      title: 'a new group gets what comes, not what was',
      needs: ['groups'],
      async run(context) {
        const adapter = await context.connected()
        const topic = await context.topic()
        await context.publish(adapter, record(topic, 'before', { unroutable: 'ignore' }))
        const collector = await context.subscribe(adapter, { topics: [topic], group: context.name() }, ack)
        await context.publish(adapter, record(topic, 'after'))
        await collector.until(1)
        assert.deepEqual(collector.texts, ['after'])
      },
    },
    {
      id: 'from-earliest',
      title: "with from: 'earliest' a new group gets what was, then what comes",
      needs: ['replay', 'groups'],
      async run(context) {
        const adapter = await context.connected()
        const topic = await context.topic()
        await context.publish(adapter, ...numbered(topic, 4, () => ({ key: 'k', unroutable: 'ignore' })))
        const request = { topics: [topic], group: context.name(), from: 'earliest', lanes: 'key', ordered: true } as const
        const collector = await context.subscribe(adapter, request, ack)
        await collector.until(4)
        await context.publish(adapter, record(topic, 'after', { key: 'k' }))
        await collector.until(5)
        assert.deepEqual(collector.texts, ['0', '1', '2', '3', 'after'])
      },
    },
    {
      id: 'from-earliest-ephemeral',
      title: "an ephemeral subscriber may begin at 'earliest' too",
      needs: ['replay'],
      async run(context) {
        const adapter = await context.connected()
        const topic = await context.topic()
        await context.publish(adapter, record(topic, 'before', { unroutable: 'ignore' }))
        const collector = await context.subscribe(adapter, { topics: [topic], from: 'earliest' }, ack)
        await collector.until(1)
        assert.deepEqual(collector.texts, ['before'])
      },
    },
    {
      id: 'from-timestamp',
      title: 'a new group may begin at a time',
      needs: ['replay', 'groups'],
      async run(context) {
        const adapter = await context.connected()
        const topic = await context.topic()
        const watcher = await context.subscribe(adapter, { topics: [topic] }, ack)
        await context.publish(adapter, record(topic, 'old'))
        await watcher.until(1)
        const old = watcher.at(0).timestamp
        assert(old !== undefined, 'a broker with features.replay gives deliveries a timestamp')
        await context.waitFor('the next millisecond', () => Date.now() > old + 1)
        await context.publish(adapter, record(topic, 'young'))
        await watcher.until(2)
        const request = { topics: [topic], group: context.name(), from: { timestamp: Number(watcher.at(1).timestamp) } }
        const collector = await context.subscribe(adapter, request, ack)
        await collector.until(1)
        await context.quiet()
        assert.deepEqual(collector.texts, ['young'])
      },
    },
    {
      id: 'existing-group',
      title: "a group that exists goes on where it was, whatever 'from' says",
      needs: ['replay', 'groups', 'durable'],
      async run(context) {
        const adapter = await context.connected()
        const topic = await context.topic()
        const group = context.name()
        const first = await context.subscribe(adapter, { topics: [topic], group }, ack)
        await context.publish(adapter, record(topic, 'done'))
        await first.until(1)
        await context.within(first.at(0).settle('ack'), 'settling')
        await context.within(first.subscription[Symbol.asyncDispose](), 'disposal')
        await context.publish(adapter, record(topic, 'waiting'))
        const second = await context.subscribe(adapter, { topics: [topic], group, from: 'earliest' }, ack)
        await second.until(1)
        await context.quiet()
        assert.deepEqual(second.texts, ['waiting'])
      },
    },
  ],
}
