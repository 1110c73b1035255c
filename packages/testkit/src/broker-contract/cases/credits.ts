import assert from 'node:assert/strict'
import { numbered } from '../case-context.ts'
import { hold } from '../collector.ts'
import type { ContractTheme } from '../contract.ts'

export const credits: ContractTheme = {
  name: 'credits',
  cases: [
    {
      id: 'max-unsettled',
      title: 'never more than maxUnsettled deliveries are handed over, and each settled one makes room for one',
      async run(context) {
        const adapter = await context.connected()
        const topic = await context.topic()
        const collector = await context.subscribe(adapter, { topics: [topic], maxUnsettled: 3, ...context.anyGroup() }, hold)
        await context.publish(adapter, ...numbered(topic, 12))
        await collector.until(3)
        await context.quiet()
        assert.equal(collector.received.length, 3)
        for (let settled = 0; settled < 12; settled++) {
          await collector.until(settled + 1)
          await collector.settle(settled)
        }
        await collector.until(12)
        assert(collector.mostUnsettled <= 3, `${collector.mostUnsettled} were unsettled at one time`)
      },
    },
    {
      id: 'max-unsettled-requeue',
      title: 'a requeue gives its credit back too',
      needs: ['durable'],
      async run(context) {
        const adapter = await context.connected()
        const topic = await context.topic()
        const requeued = new Set<string>()
        const collector = await context.subscribe(
          adapter,
          { topics: [topic], maxUnsettled: 2, ...context.anyGroup() },
          async (delivery) => {
            const how = requeued.has(delivery.id) ? 'ack' : 'requeue'
            requeued.add(delivery.id)
            await Promise.resolve()
            await delivery.settle(how)
          },
        )
        await context.publish(adapter, ...numbered(topic, 20))
        await collector.until(40)
        assert(collector.mostUnsettled <= 2, `${collector.mostUnsettled} were unsettled at one time`)
      },
    },
    {
      id: 'credits-per-subscription',
      title: 'subscriptions of one adapter have credits of their own',
      async run(context) {
        const adapter = await context.connected()
        const topics = [await context.topic(), await context.topic()]
        const [blocked, free] = [
          await context.subscribe(adapter, { topics: topics.slice(0, 1), maxUnsettled: 1, ...context.anyGroup() }, hold),
          await context.subscribe(adapter, { topics: topics.slice(1), maxUnsettled: 5, ...context.anyGroup() }, hold),
        ]
        for (const topic of topics) await context.publish(adapter, ...numbered(topic, 5))
        await Promise.all([blocked.until(1), free.until(5)])
        await context.quiet()
        assert.deepEqual([blocked.received.length, free.received.length], [1, 5])
      },
    },
    {
      id: 'credits-over-topics',
      title: 'the topics of one subscription share its credits, and none is starved',
      async run(context) {
        const adapter = await context.connected()
        const topics = [await context.topic(), await context.topic(), await context.topic()]
        const collector = await context.subscribe(
          adapter,
          { topics, maxUnsettled: 2, ...context.anyGroup() },
          async (delivery) => {
            await Promise.resolve()
            await delivery.settle('ack')
          },
        )
        for (const topic of topics) await context.publish(adapter, ...numbered(topic, 10))
        await collector.until(30)
        assert(collector.mostUnsettled <= 2, `${collector.mostUnsettled} were unsettled at one time`)
        for (const topic of topics) assert.equal(collector.received.filter((delivery) => delivery.topic === topic).length, 10)
      },
    },
  ],
}
