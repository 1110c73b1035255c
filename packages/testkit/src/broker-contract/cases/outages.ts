import assert from 'node:assert/strict'
import type { BrokerAdapter } from '@comm/messaging'
import { type CaseContext, numbered, record } from '../case-context.ts'
import { ack, hold } from '../collector.ts'
import type { ContractTheme } from '../contract.ts'

export const outages: ContractTheme = {
  name: 'lost connections',
  cases: [
    {
      id: 'lost-signal',
      title: 'a lost connection aborts `lost`; what was unsettled answers lost and is delivered again',
      needs: ['sever', 'groups', 'durable'],
      async run(context) {
        const adapter = await context.connected()
        const topic = await context.topic()
        let isLost = false
        const collector = await context.subscribe(adapter, { topics: [topic], group: context.name() }, (delivery) =>
          isLost ? delivery.settle('ack') : undefined,
        )
        await context.publish(adapter, ...numbered(topic, 4))
        await collector.until(4)
        const before = [...collector.received]
        isLost = true
        await context.broker.sever?.(adapter)
        await context.waitFor('the signal of the deliveries', () => before.every(({ lost }) => lost.aborted))
        for (const [index, how] of (['ack', 'requeue'] as const).entries())
          assert.equal(await collector.settle(index, how), 'lost')
        await collector.until(8)
        const again = collector.received.slice(4)
        assert.deepEqual(again.map(({ id }) => id).toSorted(), before.map(({ id }) => id).toSorted())
        assert(
          again.every(({ lost }) => !lost.aborted),
          'the new connection has a signal of its own',
        )
      },
    },
    {
      id: 'settled-before-loss',
      title: 'what was settled before the connection was lost does not come again',
      needs: ['sever', 'groups', 'durable'],
      async run(context) {
        const adapter = await context.connected()
        const topic = await context.topic()
        const collector = await context.subscribe(adapter, { topics: [topic], group: context.name() }, hold)
        await context.publish(adapter, record(topic, 'done'))
        await collector.until(1)
        assert.equal(await collector.settle(0), 'settled')
        await context.broker.sever?.(adapter)
        await publishOnceBack(context, adapter, topic, 'next')
        await collector.until(() => collector.texts.includes('next'), 'the next record')
        assert.deepEqual(collector.texts, ['done', 'next'])
        assert.equal(await collector.settle(0), 'settled', 'the first answer stays')
      },
    },
    {
      id: 'subscription-survives',
      title: 'a lost connection does not end a subscription: it comes back',
      needs: ['sever'],
      async run(context) {
        const adapter = await context.connected()
        const topic = await context.topic()
        const collector = await context.subscribe(adapter, { topics: [topic], ...context.anyGroup() }, ack)
        let hasEnded = false
        void collector.subscription.ended.then(() => {
          hasEnded = true
        })
        for (let round = 0; round < 3; round++) {
          await context.broker.sever?.(adapter)
          await context.waitFor('a record to get through', async () => {
            const [result] = await context.results(adapter, [record(topic, `round ${round}`)])
            await new Promise((resolve) => setImmediate(resolve))
            return result?.ok && collector.texts.includes(`round ${round}`)
          })
        }
        assert.equal(hasEnded, false)
      },
    },
    {
      id: 'stopped-stays-stopped',
      title: 'a subscription that stopped its intake does not come back with the connection',
      needs: ['sever', 'groups', 'durable'],
      async run(context) {
        const adapter = await context.connected()
        const topic = await context.topic()
        const group = context.name()
        const stopped = await context.subscribe(adapter, { topics: [topic], group }, hold)
        await context.within(stopped.subscription.stopIntake(), 'stopIntake')
        await context.broker.sever?.(adapter)
        await publishOnceBack(context, adapter, topic, 'for another')
        const other = await context.subscribe(adapter, { topics: [topic], group }, ack)
        await other.until(1)
        assert.deepEqual(stopped.texts, [])
      },
    },
    {
      id: 'outage',
      title: 'during an outage publish refuses at once and health is down; afterwards all comes back by itself',
      needs: ['outage', 'groups', 'durable'],
      async run(context) {
        const adapter = await context.connected()
        const topic = await context.topic()
        const collector = await context.subscribe(adapter, { topics: [topic], group: context.name() }, ack)
        await context.publish(adapter, record(topic, 'before'))
        await collector.until(1)
        await context.broker.outage?.begin()
        try {
          await context.waitFor('health to be down, and to say why', async () => {
            const { status, reason } = await adapter.health()
            return status === 'down' && reason
          })
          await context.waitFor('publish to refuse', async () => {
            const [result] = await context.results(adapter, [record(topic, 'never')])
            return result && !result.ok && result.stored === 'no'
          })
          const startedAt = performance.now()
          await context.results(adapter, numbered(topic, 10))
          assert(performance.now() - startedAt < AT_ONCE_MS, 'a refusal does not wait')
        } finally {
          await context.broker.outage?.end()
        }
        await context.waitFor('health to be up', async () => (await adapter.health()).status === 'up')
        await publishOnceBack(context, adapter, topic, 'after')
        await collector.until(() => collector.texts.includes('after'), 'the record sent afterwards')
      },
    },
    {
      id: 'dispose-in-outage',
      title: 'an adapter can be disposed of during an outage',
      needs: ['outage'],
      async run(context) {
        const adapter = await context.connected()
        const topic = await context.topic()
        const { subscription } = await context.subscribe(adapter, { topics: [topic], ...context.anyGroup() }, hold)
        await context.broker.outage?.begin()
        try {
          await context.within(adapter[Symbol.asyncDispose](), 'disposal')
          assert.equal(await context.within(subscription.ended, 'the end'), undefined)
        } finally {
          await context.broker.outage?.end()
        }
      },
    },
    {
      id: 'connect-in-outage',
      title: 'connecting during an outage is refused with a typed error or waits; it can be aborted',
      needs: ['outage'],
      async run(context) {
        const adapter = await context.adapter()
        await context.broker.outage?.begin()
        try {
          const controller = new AbortController()
          const connecting = adapter.connect(controller.signal)
          controller.abort(new Error('no more'))
          await assert.rejects(context.within(connecting, 'a refused connect'), {
            name: /Error$/,
            code: /^COMM_(CONNECTION|ABORTED)$/,
          })
        } finally {
          await context.broker.outage?.end()
        }
        await context.within(adapter.connect(context.signal), 'connecting afterwards')
      },
    },
    {
      id: 'order-over-loss',
      title: 'a lane keeps its order over lost connections',
      needs: ['sever', 'order', 'groups', 'durable'],
      async run(context) {
        const [publisher, consumer] = [await context.connected(), await context.connected()]
        const topic = await context.topic()
        const handled: number[] = []
        const request = { topics: [topic], group: context.name(), lanes: 'key', ordered: true } as const
        const collector = await context.subscribe(consumer, request, async (delivery) => {
          if (delivery.lost.aborted) return
          // Handled, whatever the answer: one that was lost with the connection may be of an acknowledgement that the broker has.
          await delivery.settle('ack')
          handled.push(Number(new TextDecoder().decode(delivery.body)))
        })
        const total = 60
        for (let from = 0; from < total; from += 20) {
          const records = Array.from({ length: 20 }, (_, index) => record(topic, String(from + index), { key: 'k' }))
          await context.waitFor('the records to be stored', async () => {
            while (records.length > 0) {
              const [result] = await context.results(publisher, records.slice(0, 1))
              if (result?.ok === false) throw result.error
              records.shift()
            }
            return true
          })
          await context.broker.sever?.(consumer)
        }
        await collector.until(() => new Set(handled).size === total, `all ${total} records`)
        const firsts = [...new Set(handled)]
        assert.deepEqual(
          firsts,
          firsts.toSorted((a, b) => a - b),
        )
      },
    },
  ],
}

/** A refusal that takes longer than this waits for something. */
const AT_ONCE_MS = 5000

async function publishOnceBack(context: CaseContext, adapter: BrokerAdapter, topic: string, text: string): Promise<void> {
  await context.waitFor('publishing to work again', async () => {
    const [result] = await context.results(adapter, [record(topic, text)])
    return result?.ok
  })
}
