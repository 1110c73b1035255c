import assert from 'node:assert/strict'
import { numbered, record } from '../case-context.ts'
import { ack, hold } from '../collector.ts'
import type { ContractTheme } from '../contract.ts'

export const settling: ContractTheme = {
  name: 'settling',
  cases: [
    {
      id: 'ack-is-final',
      title: 'what was acknowledged is not delivered again, what was not is',
      needs: ['groups', 'durable'],
      async run(context) {
        const adapter = await context.connected()
        const topic = await context.topic()
        const group = context.name()
        const first = await context.subscribe(adapter, { topics: [topic], group }, hold)
        await context.publish(adapter, ...numbered(topic, 6))
        await first.until(6)
        const kept = first.texts.filter((_, index) => index % 2 === 1)
        for (const index of [0, 2, 4]) assert.equal(await first.settle(index), 'settled')
        await context.within(first.subscription[Symbol.asyncDispose](), 'disposal')
        const second = await context.subscribe(adapter, { topics: [topic], group }, ack)
        await second.until(3)
        await context.quiet()
        assert.deepEqual(second.texts.toSorted(), kept.toSorted())
      },
    },
    {
      id: 'requeue',
      title: 'a requeued record comes again, with the same id, before what is behind it in its lane',
      needs: ['order'],
      async run(context) {
        const adapter = await context.connected()
        const topic = await context.topic()
        const request = { topics: [topic], lanes: 'key', ordered: true, ...context.anyGroup() } as const
        let tries = 0
        const collector = await context.subscribe(adapter, request, (delivery) =>
          delivery.settle(++tries <= 2 ? 'requeue' : 'ack'),
        )
        await context.publish(adapter, ...numbered(topic, 3, () => ({ key: 'k' })))
        await collector.until(5)
        assert.deepEqual(collector.texts, ['0', '0', '0', '1', '2'])
        assert.equal(new Set(collector.received.slice(0, 3).map(({ id }) => id)).size, 1, 'the id is the same each time')
        assert.equal(collector.at(2).key, 'k')
      },
    },
    {
      id: 'requeue-no-lane',
      title: 'a requeued record comes again where there are no lanes',
      needs: ['durable'],
      async run(context) {
        const adapter = await context.connected()
        const topic = await context.topic()
        let tries = 0
        const collector = await context.subscribe(adapter, { topics: [topic], ...context.anyGroup() }, (delivery) =>
          delivery.settle(++tries === 1 ? 'requeue' : 'ack'),
        )
        await context.publish(adapter, record(topic, 'again'))
        await collector.until(2)
        assert.deepEqual(collector.texts, ['again', 'again'])
        assert.equal(collector.at(0).id, collector.at(1).id)
      },
    },
    {
      id: 'settle-twice',
      title: 'settling twice answers as the first time, and a requeue after an ack does nothing',
      needs: ['groups', 'durable'],
      async run(context) {
        const adapter = await context.connected()
        const topic = await context.topic()
        const collector = await context.subscribe(adapter, { topics: [topic], group: context.name() }, hold)
        await context.publish(adapter, record(topic, 'once'))
        await collector.until(1)
        const delivery = collector.at(0)
        assert.deepEqual(await Promise.all([delivery.settle('ack'), delivery.settle('ack'), delivery.settle('requeue')]), [
          'settled',
          'settled',
          'settled',
        ])
        await context.publish(adapter, record(topic, 'next'))
        await collector.until(2)
        await context.quiet()
        assert.deepEqual(collector.texts, ['once', 'next'])
        await context.within(collector.subscription[Symbol.asyncDispose](), 'disposal')
        assert.equal(await delivery.settle('ack'), 'settled', 'also when the subscription is gone')
      },
    },
    {
      id: 'unsettled-after-dispose',
      title: 'what a disposed subscription had not settled is delivered to another, and settling it late answers lost',
      needs: ['groups', 'durable'],
      async run(context) {
        const adapter = await context.connected()
        const topic = await context.topic()
        const group = context.name()
        const first = await context.subscribe(adapter, { topics: [topic], group }, hold)
        await context.publish(adapter, ...numbered(topic, 4))
        await first.until(4)
        await context.within(first.subscription[Symbol.asyncDispose](), 'disposal')
        assert.equal(first.at(0).lost.aborted, true, 'the signal of its deliveries')
        assert.equal(await first.settle(0), 'lost')
        assert.equal(await first.settle(1, 'requeue'), 'lost')
        const second = await context.subscribe(adapter, { topics: [topic], group }, ack)
        await second.until(4)
        assert.deepEqual(second.texts.toSorted(), first.texts.toSorted())
        const ids = new Map(first.received.map((delivery, index) => [first.texts[index], delivery.id]))
        for (const [index, text] of second.texts.entries())
          assert.equal(second.at(index).id, ids.get(text), 'the id is the same again')
      },
    },
    {
      id: 'unsettled-after-close',
      title: 'what a disposed adapter had not settled is delivered to another',
      needs: ['groups', 'durable'],
      async run(context) {
        const [one, other] = [await context.connected(), await context.connected()]
        const topic = await context.topic()
        const group = context.name()
        const first = await context.subscribe(one, { topics: [topic], group }, hold)
        await context.publish(one, ...numbered(topic, 4))
        await first.until(4)
        await context.within(one[Symbol.asyncDispose](), 'disposal')
        assert.equal(await first.settle(0), 'lost')
        const second = await context.subscribe(other, { topics: [topic], group }, ack)
        await second.until(4)
        assert.deepEqual(second.texts.toSorted(), first.texts.toSorted())
      },
    },
    {
      id: 'redeliveries',
      title: 'redeliveries are counted',
      needs: ['durable', 'countsRedeliveries'],
      async run(context) {
        const adapter = await context.connected()
        const topic = await context.topic()
        const collector = await context.subscribe(adapter, { topics: [topic], ...context.anyGroup() }, (delivery, { received }) =>
          delivery.settle(received.length < 4 ? 'requeue' : 'ack'),
        )
        await context.publish(adapter, record(topic, 'again and again'))
        await collector.until(4)
        assert.deepEqual(
          collector.received.map(({ redeliveries }) => redeliveries),
          [0, 1, 2, 3],
        )
      },
    },
  ],
}
