import assert from 'node:assert/strict'
import { numbered, record } from '../case-context.ts'
import { ack, hold, textOf } from '../collector.ts'
import type { ContractTheme } from '../contract.ts'

export const administration: ContractTheme = {
  name: 'administration',
  cases: [
    {
      id: 'lag',
      title: 'lag counts what a group has not settled',
      needs: ['admin', 'groups', 'durable'],
      async run(context) {
        const adapter = await context.connected()
        const admin = context.admin(adapter)
        const topic = await context.topic()
        const group = await context.group(adapter, topic)
        assert.equal(await admin.lag(topic, group), 0)
        await context.publish(adapter, ...numbered(topic, 5))
        await context.waitFor('a lag of 5', async () => (await admin.lag(topic, group)) === 5)
        const collector = await context.subscribe(adapter, { topics: [topic], group, maxUnsettled: 5 }, hold)
        await collector.until(5)
        assert.equal(await admin.lag(topic, group), 5, 'handed over is not settled')
        for (let index = 0; index < 5; index++) await collector.settle(index)
        await context.waitFor('no lag', async () => (await admin.lag(topic, group)) === 0)
      },
    },
    {
      id: 'lag-of-delayed',
      title: 'lag does not count what waits for its time, neither before a consumer of the group has seen it nor after',
      needs: ['admin', 'groups', 'durable', 'delay'],
      async run(context) {
        const adapter = await context.connected()
        const admin = context.admin(adapter)
        const topic = await context.topic()
        const group = await context.group(adapter, topic)
        const notBefore = Date.now() + 3_600_000
        await context.publish(adapter, ...numbered(topic, 3, () => ({ group, notBefore })), record(topic, 'now', { group }))
        await context.waitFor('a lag of 1', async () => (await admin.lag(topic, group)) === 1)
        const collector = await context.subscribe(adapter, { topics: [topic], group }, ack)
        await collector.until(1)
        await context.waitFor('no lag', async () => (await admin.lag(topic, group)) === 0)
        const { subscription } = collector
        await context.waitFor('no lag of this member', async () => ((await subscription.lag?.()) ?? 0) === 0)
        assert.deepEqual(collector.texts, ['now'])
      },
    },
    {
      id: 'browse',
      title: 'browse shows records, oldest first and whole, and consumes none',
      needs: ['admin', 'groups', 'durable'],
      async run(context) {
        const adapter = await context.connected()
        const admin = context.admin(adapter)
        const topic = await context.topic()
        const group = await context.group(adapter, topic)
        const headers = context.broker.features.headers ? { reason: 'poison' } : {}
        await context.publish(adapter, ...numbered(topic, 5, () => ({ key: 'k', headers })))
        for (let time = 0; time < 2; time++) {
          const shown = await admin.browse({ topic, group })
          assert.deepEqual(shown.map(textOf), ['0', '1', '2', '3', '4'])
          for (const each of shown) assert.deepEqual([each.topic, each.key, each.headers.reason], [topic, 'k', headers.reason])
        }
        assert.deepEqual((await admin.browse({ topic, group, limit: 2 })).map(textOf), ['0', '1'])
        const ids = (await admin.browse({ topic, group })).map(({ id }) => id)
        const collector = await context.subscribe(adapter, { topics: [topic], group, lanes: 'key', ordered: true }, ack)
        await collector.until(5)
        assert.deepEqual(
          collector.received.map(({ id }) => id),
          ids,
          'deliveries have the ids that were shown',
        )
      },
    },
    {
      id: 'browse-for-group',
      title: 'browse shows a group what was published for it alone',
      needs: ['admin', 'groups', 'durable'],
      async run(context) {
        const adapter = await context.connected()
        const admin = context.admin(adapter)
        const topic = await context.topic()
        const [one, other] = [context.name(), context.name()]
        await context.publish(adapter, record(topic, 'dead letter', { group: one }))
        assert.deepEqual((await admin.browse({ topic, group: one })).map(textOf), ['dead letter'])
        assert.deepEqual(await admin.browse({ topic, group: other }), [])
      },
    },
    {
      id: 'remove',
      title: 'remove takes single records out of a group, and tells how many there were',
      needs: ['admin.remove', 'groups', 'durable'],
      async run(context) {
        const adapter = await context.connected()
        const admin = context.admin(adapter)
        const topic = await context.topic()
        const [group, other] = [await context.group(adapter, topic), await context.group(adapter, topic)]
        await context.publish(adapter, ...numbered(topic, 5, () => ({ key: 'k' })))
        const shown = await admin.browse({ topic, group })
        const ids = shown.filter((each) => ['1', '3'].includes(textOf(each))).map(({ id }) => id)
        assert(admin.remove, "the adapter has no admin.remove: say admin: 'without remove'")
        assert.equal(await admin.remove(topic, [...ids, 'no-such-id'], group), 2)
        assert.equal(await admin.remove(topic, ids, group), 0, 'they are gone')
        const collectors = [
          await context.subscribe(adapter, { topics: [topic], group, lanes: 'key', ordered: true }, ack),
          await context.subscribe(adapter, { topics: [topic], group: other, lanes: 'key', ordered: true }, ack),
        ]
        await Promise.all([collectors[0]?.until(3), collectors[1]?.until(5)])
        assert.deepEqual(
          collectors.map(({ texts }) => texts),
          [
            ['0', '2', '4'],
            ['0', '1', '2', '3', '4'],
          ],
        )
      },
    },
    {
      id: 'purge',
      title: 'purge empties a topic for a group, which then goes on with what comes',
      needs: ['admin', 'groups', 'durable'],
      async run(context) {
        const adapter = await context.connected()
        const admin = context.admin(adapter)
        const topic = await context.topic()
        const group = await context.group(adapter, topic)
        await context.publish(adapter, ...numbered(topic, 7))
        await context.waitFor('a lag of 7', async () => (await admin.lag(topic, group)) === 7)
        assert.equal(await admin.purge(topic, group), 7)
        assert.equal(await admin.lag(topic, group), 0)
        const collector = await context.subscribe(adapter, { topics: [topic], group }, ack)
        await context.publish(adapter, record(topic, 'after'))
        await collector.until(1)
        assert.deepEqual(collector.texts, ['after'])
      },
    },
  ],
}
