import assert from 'node:assert/strict'
import type { Delivery } from '@comm/messaging'
import { type CaseContext, record } from '../case-context.ts'
import { ack, type Reaction, textOf } from '../collector.ts'
import type { ContractTheme } from '../contract.ts'

export const timing: ContractTheme = {
  name: 'timing',
  cases: [
    {
      id: 'delay',
      title: 'a delayed record comes at its time',
      needs: ['delay'],
      async run(context) {
        const adapter = await context.connected()
        const topic = await context.topic()
        const { arrivals, react } = arrivalTimes()
        const collector = await context.subscribe(adapter, { topics: [topic], ...context.anyGroup() }, react)
        const notBefore = Date.now() + context.limits.delayMs
        await context.publish(adapter, record(topic, 'later', { notBefore }))
        await collector.until(1)
        assertOnTime(context, arrivals.get('later'), notBefore)
      },
    },
    {
      id: 'delay-blocks-nobody',
      title: 'a delayed record holds up nobody, not even its own key',
      needs: ['delay'],
      async run(context) {
        const adapter = await context.connected()
        const topic = await context.topic()
        const collector = await context.subscribe(
          adapter,
          { topics: [topic], lanes: 'key', maxUnsettled: 1, ...context.anyGroup() },
          ack,
        )
        const notBefore = Date.now() + 3_600_000
        await context.publish(adapter, record(topic, 'later', { notBefore, key: 'k' }))
        await context.publish(
          adapter,
          record(topic, 'same key', { key: 'k' }),
          record(topic, 'other key', { key: 'l' }),
          record(topic, 'no key'),
        )
        await collector.until(3)
        assert(!collector.texts.includes('later'), 'it is not due for an hour')
      },
    },
    {
      id: 'delay-order',
      title: 'several delays end in the order of their times',
      needs: ['delay'],
      async run(context) {
        const adapter = await context.connected()
        const topic = await context.topic()
        const { arrivals, react } = arrivalTimes()
        const collector = await context.subscribe(adapter, { topics: [topic], ...context.anyGroup() }, react)
        const { delayMs } = context.limits
        const now = Date.now()
        // Far apart: a machine that stands still for a moment finds several of them due, in no order.
        const dueAt = new Map([4, 1, 2].map((times) => [String(times), now + 3 * times * delayMs]))
        await context.publish(adapter, ...[...dueAt].map(([text, notBefore]) => record(topic, text, { notBefore })))
        await collector.until(3)
        for (const [text, notBefore] of dueAt) assertOnTime(context, arrivals.get(text), notBefore)
        assert.deepEqual(collector.texts, ['1', '2', '4'])
      },
    },
    {
      id: 'delay-for-group',
      title: 'a delayed record for one group goes to no other',
      needs: ['delay', 'groups'],
      async run(context) {
        const adapter = await context.connected()
        const topic = await context.topic()
        const group = context.name()
        const wanted = await context.subscribe(adapter, { topics: [topic], group }, ack)
        const other = await context.subscribe(adapter, { topics: [topic], group: context.name() }, ack)
        const notBefore = Date.now() + context.limits.delayMs
        await context.publish(adapter, record(topic, 'retry', { group, notBefore }))
        await wanted.until(1)
        await context.publish(adapter, record(topic, 'for all'))
        await Promise.all([wanted.until(2), other.until(1)])
        assert.deepEqual([wanted.texts, other.texts], [['retry', 'for all'], ['for all']])
      },
    },
    {
      id: 'delay-without-consumer',
      title: 'a delayed record waits for a group that has no consumer',
      needs: ['delay', 'groups', 'durable'],
      async run(context) {
        const adapter = await context.connected()
        const topic = await context.topic()
        const group = await context.group(adapter, topic)
        const notBefore = Date.now() + context.limits.delayMs
        await context.publish(adapter, record(topic, 'later', { notBefore }))
        await context.within(adapter[Symbol.asyncDispose](), 'disposal')
        const { arrivals, react } = arrivalTimes()
        const collector = await context.subscribe(await context.connected(), { topics: [topic], group }, react)
        await collector.until(1)
        assertOnTime(context, arrivals.get('later'), notBefore)
      },
    },
    {
      id: 'delay-past',
      title: 'a time that has passed is no delay',
      async run(context) {
        const adapter = await context.connected()
        const topic = await context.topic()
        const collector = await context.subscribe(adapter, { topics: [topic], ...context.anyGroup() }, ack)
        await context.publish(adapter, record(topic, 'at once', { notBefore: Date.now() - 60_000 }))
        await collector.until(1)
      },
    },
    {
      id: 'expiry',
      title: 'an expired record holds up nobody, and one that expires later is delivered',
      needs: ['groups', 'durable'],
      async run(context) {
        const adapter = await context.connected()
        const topic = await context.topic()
        const group = await context.group(adapter, topic)
        const now = Date.now()
        await context.publish(
          adapter,
          record(topic, 'too old', { key: 'k', expiresAt: now - 1000 }),
          record(topic, 'fresh', { key: 'k', expiresAt: now + 3_600_000 }),
        )
        const collector = await context.subscribe(adapter, { topics: [topic], group, lanes: 'key' }, ack)
        await collector.until(() => collector.texts.includes('fresh'), 'the fresh record')
      },
    },
    {
      id: 'priority',
      title: 'of waiting records the higher priority comes first',
      needs: ['priority', 'groups', 'durable'],
      async run(context) {
        const adapter = await context.connected()
        const topic = await context.topic()
        const group = await context.group(adapter, topic)
        for (const priority of [0, 0, 5, 9, 0]) await context.publish(adapter, record(topic, String(priority), { priority }))
        const collector = await context.subscribe(adapter, { topics: [topic], group, maxUnsettled: 1 }, ack)
        await collector.until(5)
        assert.deepEqual(collector.texts, ['9', '5', '0', '0', '0'])
      },
    },
  ],
}

function arrivalTimes(): { readonly arrivals: ReadonlyMap<string, number>; readonly react: Reaction } {
  const arrivals = new Map<string, number>()
  return {
    arrivals,
    react: (delivery: Delivery) => {
      arrivals.set(textOf(delivery), Date.now())
      return delivery.settle('ack')
    },
  }
}

function assertOnTime(context: CaseContext, arrivedAt: number | undefined, dueAt: number): void {
  const { earlyMs, lateMs } = context.limits
  const lateBy = Number(arrivedAt) - dueAt
  assert(lateBy >= -earlyMs, `it came ${-lateBy} ms early; earlyMs is ${earlyMs}`)
  assert(lateBy <= lateMs, `it came ${lateBy} ms late; lateMs is ${lateMs}`)
}
