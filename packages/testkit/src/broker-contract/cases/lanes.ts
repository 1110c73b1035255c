import assert from 'node:assert/strict'
import type { SubscribeRequest } from '@comm/messaging'
import { seededRandom } from '../../seeded-random.ts'
import { type CaseContext, numbered, record } from '../case-context.ts'
import { ack, type Collector, hold, textOf } from '../collector.ts'
import type { ContractTheme } from '../contract.ts'

const KEYS = 8
const keyOf = (index: number): string => `key-${index % KEYS}`

export const lanes: ContractTheme = {
  name: 'lanes',
  cases: [
    {
      id: 'lane-of-key',
      title: 'records of one key have one lane, others another; without lanes there is none',
      needs: ['order'],
      async run(context) {
        const adapter = await context.connected()
        const topic = await context.topic()
        const byKey = await context.subscribe(adapter, { topics: [topic], lanes: 'key', ...context.anyGroup() }, ack)
        const none = await context.subscribe(adapter, { topics: [topic], lanes: 'none', ...context.anyGroup() }, ack)
        await context.publish(adapter, ...numbered(topic, 6, (index) => ({ key: `key-${index % 2}` })))
        await Promise.all([byKey.until(6), none.until(6)])
        const lanesOf = (key: string): Set<string | undefined> =>
          new Set(byKey.received.filter((delivery) => delivery.key === key).map(({ lane }) => lane))
        assert.deepEqual([lanesOf('key-0').size, lanesOf('key-1').size], [1, 1])
        assert(!lanesOf('key-0').has(undefined), 'a keyed record has a lane')
        assert.notDeepEqual(lanesOf('key-0'), lanesOf('key-1'), 'two keys have two lanes')
        assert.deepEqual(new Set(none.received.map(({ lane }) => lane)), new Set([undefined]))
      },
    },
    {
      id: 'lane-order-under-load',
      title: 'each lane keeps its order under load, with one unsettled delivery at most',
      needs: ['order'],
      async run(context) {
        const adapter = await context.connected()
        const topic = await context.topic()
        const collector = await context.subscribe(adapter, underLoad(topic, context.anyGroup()), dawdle(1))
        await publishLoad(context, topic)
        await collector.until(context.limits.loadRecords)
        assertOrder([collector])
      },
    },
    {
      id: 'lane-order-competing',
      title: 'each lane keeps its order over competing consumers',
      needs: ['laneOrder', 'groups'],
      async run(context) {
        const topic = await context.topic()
        const group = context.name()
        const merged: Collector[] = []
        for (let member = 0; member < 3; member++) {
          merged.push(await context.subscribe(await context.connected(), underLoad(topic, { group }), dawdle(member)))
        }
        await publishLoad(context, topic)
        const count = (): number => merged.reduce((sum, { received }) => sum + received.length, 0)
        await context.waitFor('every record', () => count() >= context.limits.loadRecords)
        assertOrder(merged)
      },
    },
    {
      id: 'lane-order-requeue',
      title: 'each lane keeps its order though records are requeued',
      needs: ['order'],
      async run(context) {
        const adapter = await context.connected()
        const topic = await context.topic()
        const random = seededRandom(7)
        const done: string[] = []
        const collector = await context.subscribe(adapter, underLoad(topic, context.anyGroup()), async (delivery) => {
          await turns(random() * 3)
          const isDone = random() > 0.3
          if (isDone) done.push(textOf(delivery))
          await delivery.settle(isDone ? 'ack' : 'requeue')
        })
        await publishLoad(context, topic)
        await collector.until(
          () => done.length >= context.limits.loadRecords,
          `${context.limits.loadRecords} acknowledged records`,
        )
        assert.equal(new Set(done).size, done.length, 'each was acknowledged once')
        assertAscending(done)
      },
    },
    {
      id: 'slow-lane',
      title: 'a slow lane does not hold up the others',
      needs: ['order'],
      async run(context) {
        const adapter = await context.connected()
        const topic = await context.topic()
        const collector = await context.subscribe(adapter, underLoad(topic, context.anyGroup()), (delivery) =>
          delivery.key === 'slow' ? undefined : delivery.settle('ack'),
        )
        await context.publish(adapter, ...numbered(topic, 3, () => ({ key: 'slow' })))
        await context.publish(adapter, ...numbered(topic, 40, (index) => ({ key: keyOf(index) })))
        await collector.until(
          () => collector.received.filter(({ key }) => key !== 'slow').length === 40,
          'all of the other lanes',
        )
        const slow = collector.received.filter(({ key }) => key === 'slow')
        assert.deepEqual(slow.map(textOf), ['0'])
      },
    },
    {
      id: 'source-lanes',
      title: 'source lanes keep the order of the broker, one unsettled delivery each',
      needs: ['order'],
      async run(context) {
        const adapter = await context.connected()
        const topic = await context.topic()
        const request = { topics: [topic], lanes: 'source', ordered: true, ...context.anyGroup() } as const
        const collector = await context.subscribe(adapter, request, dawdle(3))
        await context.publish(adapter, ...numbered(topic, 60, () => ({ key: 'one' })))
        await collector.until(60)
        assertAscending(collector.texts)
        assert(collector.received.every(({ lane }) => lane !== undefined))
      },
    },
    {
      id: 'keyless',
      title: 'records without a key are delivered side by side',
      async run(context) {
        const adapter = await context.connected()
        const topic = await context.topic()
        const collector = await context.subscribe(adapter, { topics: [topic], lanes: 'key', ...context.anyGroup() }, hold)
        await context.publish(adapter, ...numbered(topic, 5))
        await collector.until(5)
      },
    },
    {
      id: 'ordered-consumer',
      title: 'of several ordered consumers one is active; the next goes on in order when it leaves',
      needs: ['order', 'groups', 'durable'],
      async run(context) {
        const [one, other] = [await context.connected(), await context.connected()]
        const topic = await context.topic()
        const group = context.name()
        const request = { topics: [topic], group, lanes: 'key', ordered: true, maxUnsettled: 4 } as const
        const handled: string[] = []
        const handle = async (delivery: { readonly body: Uint8Array; settle(how: 'ack'): Promise<unknown> }): Promise<void> => {
          await turns(1)
          if ((await delivery.settle('ack')) === 'settled') handled.push(textOf(delivery))
        }
        const first = await context.subscribe(one, request, handle)
        const second = await context.subscribe(other, request, handle)
        await context.publish(one, ...numbered(topic, 100, () => ({ key: 'one' })))
        await context.waitFor('the active consumer to work', () => handled.length >= 20)
        const active = first.received.length > 0 ? first : second
        assert.equal(Math.min(first.received.length, second.received.length), 0, 'only one is active')
        await context.within(active.subscription[Symbol.asyncDispose](), 'disposal')
        await context.waitFor('the next consumer to finish', () => handled.length >= 100)
        assertAscending([...new Set(handled)])
      },
    },
    {
      id: 'lane-after-takeover',
      title: 'a lane goes on with its first unsettled record when its consumer leaves',
      needs: ['order', 'groups', 'durable'],
      async run(context) {
        const [one, other] = [await context.connected(), await context.connected()]
        const topic = await context.topic()
        const request = { topics: [topic], group: context.name(), lanes: 'key', ordered: true } as const
        const leaving = await context.subscribe(one, request, (delivery, { received }) =>
          received.length <= 3 ? delivery.settle('ack') : undefined,
        )
        await context.publish(one, ...numbered(topic, 8, () => ({ key: 'k' })))
        await leaving.until(4)
        await context.within(one[Symbol.asyncDispose](), 'disposal')
        const next = await context.subscribe(other, request, ack)
        await next.until(5)
        assert.deepEqual(next.texts, ['3', '4', '5', '6', '7'])
      },
    },
    {
      id: 'lanes-come-and-go',
      title: 'keys without end are no burden: each lane is let go when it is empty',
      needs: ['order'],
      async run(context) {
        const adapter = await context.connected()
        const topic = await context.topic()
        const collector = await context.subscribe(adapter, underLoad(topic, context.anyGroup()), ack)
        const { loadRecords } = context.limits
        await context.publish(
          adapter,
          ...Array.from({ length: loadRecords }, (_, index) => record(topic, 'x', { key: `unique-${index}` })),
        )
        await collector.until(loadRecords)
        assert.equal(new Set(collector.received.map(({ lane }) => lane)).size, loadRecords)
      },
    },
  ],
}

function underLoad(topic: string, group: { readonly group?: string }): SubscribeRequest {
  return { topics: [topic], ...group, lanes: 'key', ordered: true, maxUnsettled: 16 }
}

async function publishLoad(context: CaseContext, topic: string): Promise<void> {
  const adapter = await context.connected()
  const records = numbered(topic, context.limits.loadRecords, (index) => ({ key: keyOf(index) }))
  for (let from = 0; from < records.length; from += 50) await context.publish(adapter, ...records.slice(from, from + 50))
}

/** Acknowledges after a random number of turns of the event loop. */
function dawdle(seed: number): (delivery: { settle(how: 'ack'): Promise<unknown> }) => Promise<void> {
  const random = seededRandom(seed)
  return async (delivery) => {
    await turns(random() * 4)
    await delivery.settle('ack')
  }
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** The numbers of each key, in the order in which they were received: by all consumers, each for itself. */
function assertOrder(collectors: readonly Collector[]): void {
  for (const collector of collectors) assertAscending(collector.texts)
  const all = collectors.flatMap(({ texts }) => texts)
  assert.equal(new Set(all).size, all.length, 'each was delivered once')
}

/** Numbers of one key ascend. */
function assertAscending(texts: readonly string[]): void {
  const last = new Map<string, number>()
  for (const [place, text] of texts.entries()) {
    const index = Number(text)
    const before = last.get(keyOf(index)) ?? -1
    assert(index > before, `at place ${place} record ${index} of ${keyOf(index)} came after ${before}`)
    last.set(keyOf(index), index)
  }
}
