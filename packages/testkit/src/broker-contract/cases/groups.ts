import assert from 'node:assert/strict'
import { numbered, record } from '../case-context.ts'
import { ack, hold } from '../collector.ts'
import type { ContractTheme } from '../contract.ts'

export const groups: ContractTheme = {
  name: 'groups',
  cases: [
    {
      id: 'competing-consumers',
      title: 'members of a group share the records: each gets some, no record goes to two',
      needs: ['groups'],
      async run(context) {
        const topic = await context.topic()
        const group = context.name()
        const [one, other] = [await context.connected(), await context.connected()]
        const first = await context.subscribe(one, { topics: [topic], group }, ack)
        const second = await context.subscribe(other, { topics: [topic], group }, ack)
        let sent = 0
        const received = (): number => first.received.length + second.received.length
        await context.waitFor('both members to get a record', async () => {
          await context.publish(one, ...Array.from({ length: 10 }, () => record(topic, String(sent), { key: `key-${sent++}` })))
          return first.received.length > 0 && second.received.length > 0
        })
        await context.waitFor('every record', () => received() >= sent)
        await context.quiet()
        assert.equal(received(), sent)
        assert.equal(new Set([...first.texts, ...second.texts]).size, sent)
      },
    },
    {
      id: 'groups-get-copies',
      title: 'every group gets every record',
      needs: ['groups'],
      async run(context) {
        const adapter = await context.connected()
        const topic = await context.topic()
        const collectors = [
          await context.subscribe(adapter, { topics: [topic], group: context.name() }, ack),
          await context.subscribe(adapter, { topics: [topic], group: context.name() }, ack),
          await context.subscribe(await context.connected(), { topics: [topic], group: context.name() }, ack),
        ]
        await context.publish(adapter, ...numbered(topic, 12))
        for (const collector of collectors) {
          await collector.until(12)
          assert.equal(new Set(collector.texts).size, 12)
        }
      },
    },
    {
      id: 'group-targeted',
      title: 'a record for one group goes to no other and to no ephemeral subscriber',
      needs: ['groups'],
      async run(context) {
        const adapter = await context.connected()
        const topic = await context.topic()
        const [wanted, other] = [context.name(), context.name()]
        const target = await context.subscribe(adapter, { topics: [topic], group: wanted, maxUnsettled: 1, ordered: true }, ack)
        const bystanders = [
          await context.subscribe(adapter, { topics: [topic], group: other }, ack),
          await context.subscribe(adapter, { topics: [topic] }, ack),
        ]
        await context.publish(adapter, record(topic, 'for one', { group: wanted, key: 'k' }))
        await target.until(1)
        await context.publish(adapter, record(topic, 'for all', { key: 'k' }))
        await target.until(2)
        assert.deepEqual(target.texts, ['for one', 'for all'])
        assert.equal(target.at(0).topic, topic)
        for (const bystander of bystanders) {
          await bystander.until(1)
          assert.deepEqual(bystander.texts, ['for all'])
        }
      },
    },
    {
      id: 'group-targeted-first',
      title: 'a record for a group that is not there yet waits for it',
      needs: ['groups', 'durable'],
      async run(context) {
        const adapter = await context.connected()
        const topic = await context.topic()
        const group = context.name()
        await context.publish(adapter, record(topic, 'early', { group }))
        const collector = await context.subscribe(adapter, { topics: [topic], group }, ack)
        await collector.until(1)
        assert.deepEqual(collector.texts, ['early'])
      },
    },
    {
      id: 'ephemeral-copies',
      title: 'every ephemeral subscriber gets every record, beside the groups',
      async run(context) {
        const [one, other] = [await context.connected(), await context.connected()]
        const topic = await context.topic()
        const collectors = [
          await context.subscribe(one, { topics: [topic] }, ack),
          await context.subscribe(one, { topics: [topic] }, ack),
          await context.subscribe(other, { topics: [topic] }, ack),
          ...(context.broker.features.groups
            ? [await context.subscribe(other, { topics: [topic], group: context.name() }, ack)]
            : []),
        ]
        await context.publish(one, ...numbered(topic, 8))
        for (const collector of collectors) {
          await collector.until(8)
          assert.equal(new Set(collector.texts).size, 8)
        }
      },
    },
    {
      id: 'group-outlives-members',
      title: 'a group keeps what is published while it has no member',
      needs: ['groups', 'durable'],
      async run(context) {
        const adapter = await context.connected()
        const topic = await context.topic()
        const group = await context.group(adapter, topic)
        await context.publish(adapter, ...numbered(topic, 5))
        const collector = await context.subscribe(adapter, { topics: [topic], group }, ack)
        await collector.until(5)
        assert.deepEqual(collector.texts.toSorted(), ['0', '1', '2', '3', '4'])
      },
    },
    {
      id: 'member-leaves',
      title: 'when a member leaves, the others take over what it held and what comes',
      needs: ['groups', 'durable'],
      async run(context) {
        const [one, other] = [await context.connected(), await context.connected()]
        const topic = await context.topic()
        const group = context.name()
        const leaving = await context.subscribe(one, { topics: [topic], group, maxUnsettled: 5 }, hold)
        await context.publish(one, ...numbered(topic, 10))
        await leaving.until(1)
        const staying = await context.subscribe(other, { topics: [topic], group }, ack)
        await context.within(one[Symbol.asyncDispose](), 'disposal')
        await context.publish(other, record(topic, 'new'))
        await staying.until(() => new Set(staying.texts).size === 11, 'all 11 records')
      },
    },
    {
      id: 'several-topics',
      title: 'one subscription takes from several topics, and deliveries tell which',
      async run(context) {
        const adapter = await context.connected()
        const topics = [await context.topic(), await context.topic(), await context.topic()]
        const collector = await context.subscribe(adapter, { topics, ...context.anyGroup() }, ack)
        for (const topic of topics) await context.publish(adapter, record(topic, topic))
        await collector.until(topics.length)
        for (const delivery of collector.received) assert.equal(new TextDecoder().decode(delivery.body), delivery.topic)
        assert.deepEqual(collector.texts.toSorted(), topics.toSorted())
      },
    },
  ],
}
