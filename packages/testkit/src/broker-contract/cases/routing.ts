import assert from 'node:assert/strict'
import { CommunicationError } from '@comm/core'
import { type CaseContext, record } from '../case-context.ts'
import { ack, type Collector } from '../collector.ts'
import type { ContractTheme } from '../contract.ts'

export const routing: ContractTheme = {
  name: 'patterns',
  cases: [
    {
      id: 'pattern-one-word',
      title: '* stands for one word',
      needs: ['patterns'],
      run: (context) =>
        matches(context, {
          pattern: 'order.*',
          matching: ['order.created', 'order.paid'],
          others: ['order', 'order.created.eu', 'orders.created', 'user.created'],
        }),
    },
    {
      id: 'pattern-middle-word',
      title: '* may stand in the middle',
      needs: ['patterns'],
      run: (context) =>
        matches(context, {
          pattern: 'order.*.eu',
          matching: ['order.created.eu', 'order.paid.eu'],
          others: ['order.eu', 'order.a.b.eu', 'order.created.us'],
        }),
    },
    {
      id: 'pattern-any-words',
      title: '# stands for any number of words, none included',
      needs: ['patterns'],
      run: (context) =>
        matches(context, {
          pattern: 'order.#',
          matching: ['order', 'order.created', 'order.created.eu.west'],
          others: ['orders', 'user.order'],
        }),
    },
    {
      id: 'pattern-mixed',
      title: '# and * work together',
      needs: ['patterns'],
      run: (context) =>
        matches(context, {
          pattern: '#.order.*',
          matching: ['order.a', 'eu.order.a', 'eu.west.order.a'],
          others: ['order', 'eu.order', 'order.a.b'],
        }),
    },
    {
      id: 'pattern-literal',
      title: 'no other character of a pattern is special',
      needs: ['patterns'],
      run: (context) =>
        matches(context, { pattern: 'o+[a-z]_?.*', matching: ['o+[a-z]_?.x'], others: ['oob_.x', 'oo[a-z]_?.x'] }),
    },
    {
      id: 'pattern-group',
      title: 'a group that subscribes by pattern shares the records, also of topics that come later',
      needs: ['patterns', 'groups'],
      async run(context) {
        const [one, other] = [await context.connected(), await context.connected()]
        const prefix = context.name('contract.')
        const request = { topics: [`${prefix}.*`], pattern: true, group: context.name() }
        const members: readonly Collector[] = [
          await context.subscribe(one, request, ack),
          await context.subscribe(other, request, ack),
        ]
        for (let index = 0; index < 10; index++) await context.publish(one, record(`${prefix}.topic-${index}`, String(index)))
        const texts = (): string[] => members.flatMap((member) => member.texts)
        await context.waitFor('all 10 records', () => texts().length >= 10)
        await context.quiet()
        assert.deepEqual(
          texts().toSorted(),
          Array.from({ length: 10 }, (_, index) => String(index)),
        )
      },
    },
    {
      id: 'unsupported',
      title: 'what the features deny is refused with COMM_UNSUPPORTED',
      needs: ['denial'],
      async run(context) {
        const adapter = await context.connected()
        const topic = await context.topic()
        const { patterns, groups } = context.broker.features
        const denied = [...(patterns ? [] : [{ pattern: true }]), ...(groups ? [] : [{ group: 'group' }])]
        for (const request of denied) {
          const subscribing = adapter.subscribe({ topics: [topic], maxUnsettled: 1, lanes: 'none', ...request }, () => undefined)
          await assert.rejects(
            subscribing,
            (thrown) => thrown instanceof CommunicationError && thrown.code === 'COMM_UNSUPPORTED',
          )
        }
      },
    },
  ],
}

interface Expectation {
  readonly pattern: string
  readonly matching: readonly string[]
  readonly others: readonly string[]
}

/** Publishes to all; exactly the matching ones arrive. The names get a word in front that no other case has. */
async function matches(context: CaseContext, { pattern, matching, others }: Expectation): Promise<void> {
  const adapter = await context.connected()
  const unique = context.name('contract.')
  const full = (name: string): string => `${unique}.${name}`
  const collector = await context.subscribe(adapter, { topics: [full(pattern)], pattern: true, ...context.anyGroup() }, ack)
  for (const name of others) await context.publish(adapter, record(full(name), name, { unroutable: 'ignore' }))
  for (const name of matching) await context.publish(adapter, record(full(name), name))
  await collector.until(matching.length)
  await context.quiet()
  assert.deepEqual(collector.texts.toSorted(), matching.toSorted())
  assert.deepEqual(collector.received.map(({ topic }) => topic).toSorted(), matching.map(full).toSorted())
}
