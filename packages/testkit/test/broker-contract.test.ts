import {
  type BrokerAdapter,
  type BrokerFeatures,
  type Delivery,
  MemoryBrokerAdapter,
  MemoryServer,
  type OutboundRecord,
  type SubscribeRequest,
} from '@comm/messaging'
import { BROKER_CONTRACT, type BrokerUnderTest, brokerContract, supportTable } from '@comm/testkit'
import { afterAll, describe, expect, it } from '@jest/globals'
import { runContract } from './support/run-contract.ts'

const limits = { deadlineMs: 150, quietMs: 5, delayMs: 60_000, loadRecords: 100 }

/** The in-memory broker with one thing wrong. */
function broken(change: (adapter: MemoryBrokerAdapter) => Partial<BrokerAdapter>): BrokerUnderTest {
  const server = new MemoryServer()
  const { features } = new MemoryBrokerAdapter({ server })
  return {
    name: 'broken',
    features,
    limits,
    createAdapter() {
      const adapter = new MemoryBrokerAdapter({ server })
      const changed = change(adapter)
      return new Proxy<BrokerAdapter>(adapter, {
        get(target, name) {
          const value: unknown = Reflect.get(changed, name) ?? Reflect.get(target, name, target)
          return typeof value === 'function' ? value.bind(target) : value
        },
      })
    },
  }
}

const withDeliveries =
  (change: (delivery: Delivery) => Partial<Delivery>) =>
  (adapter: MemoryBrokerAdapter): Partial<BrokerAdapter> => ({
    subscribe: (request, onDelivery) =>
      adapter.subscribe(request, (delivery) => {
        const changed = change(delivery)
        onDelivery(
          new Proxy(delivery, {
            get: (target, name) => {
              const value: unknown = name in changed ? Reflect.get(changed, name) : Reflect.get(target, name, target)
              return typeof value === 'function' ? value.bind(target) : value
            },
          }),
        )
      }),
  })
const withRequests =
  (change: Partial<SubscribeRequest>) =>
  (adapter: MemoryBrokerAdapter): Partial<BrokerAdapter> => ({
    subscribe: (request, onDelivery) => adapter.subscribe({ ...request, ...change }, onDelivery),
  })
const withRecords =
  (change: (record: OutboundRecord) => OutboundRecord) =>
  (adapter: MemoryBrokerAdapter): Partial<BrokerAdapter> => ({
    publish: (records, signal) => adapter.publish(records.map(change), signal),
  })

describe('the broker contract finds', () => {
  it.each<[string, string, (adapter: MemoryBrokerAdapter) => Partial<BrokerAdapter>]>([
    [
      'more deliveries than credits',
      'max-unsettled',
      (adapter) => ({
        subscribe: (request, onDelivery) => adapter.subscribe({ ...request, maxUnsettled: request.maxUnsettled + 1 }, onDelivery),
      }),
    ],
    ['forgotten headers', 'text-headers', withRecords((record) => ({ ...record, headers: {} }))],
    [
      'headers as text only',
      'binary-headers',
      withRecords(({ headers, ...record }) => ({
        ...record,
        headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)])),
      })),
    ],
    ['a forgotten key', 'metadata', withRecords(({ key: _, ...record }) => record)],
    ['no lanes', 'lane-order-under-load', withRequests({ lanes: 'none' })],
    ['one lane for all', 'slow-lane', withRequests({ lanes: 'source' })],
    ['a requeue that is an ack', 'requeue', withDeliveries((delivery) => ({ settle: () => delivery.settle('ack') }))],
    ['an ack that is a requeue', 'ack-is-final', withDeliveries((delivery) => ({ settle: () => delivery.settle('requeue') }))],
    [
      'settle that says settled when it is not',
      'unsettled-after-dispose',
      withDeliveries((delivery) => ({
        settle: (how) => delivery.settle(how).then(() => 'settled' as const),
      })),
    ],
    ['no count of redeliveries', 'redeliveries', withDeliveries(() => ({ redeliveries: 0 }))],
    ['an id that changes', 'requeue', withDeliveries(() => ({ id: String(Math.random()) }))],
    ['group-targeted records that go to all', 'group-targeted', withRecords(({ group: _, ...record }) => record)],
    ['no delay', 'delay', withRecords(({ notBefore: _, ...record }) => record)],
    ['unroutable records that are accepted', 'unroutable', withRecords((record) => ({ ...record, unroutable: 'ignore' }))],
    ['groups that begin at the beginning', 'from-new', withRequests({ from: 'earliest' })],
    ['groups that cannot begin at the beginning', 'from-earliest', withRequests({ from: 'new' })],
    ['untruthful health', 'health', () => ({ health: async () => ({ status: 'up' as const }) })],
    [
      'results out of order',
      'result-per-record',
      (adapter) => ({
        publish: async (records, signal) => (await adapter.publish(records, signal)).toReversed(),
      }),
    ],
    [
      'a listener left on the signal',
      'signals-are-let-go',
      (adapter) => ({
        publish: (records, signal) => {
          signal.addEventListener('abort', () => undefined)
          return adapter.publish(records, signal)
        },
      }),
    ],
    ['a disposal that does nothing', 'closed', () => ({ [Symbol.asyncDispose]: async () => undefined })],
    [
      'features that are not those declared',
      'features',
      (adapter) => ({ features: { ...adapter.features, durable: false } satisfies BrokerFeatures }),
    ],
  ])('%s', async (_, id, change) => {
    const { cases } = await runContract(broken(change), [id])
    expect(cases.find((each) => each.id === id)).toMatchObject({ outcome: 'failed', reason: expect.any(String) })
  })

  it('a timer that is left running', async () => {
    const timers: NodeJS.Timeout[] = []
    const leaky = broken((adapter) => ({
      connect(signal) {
        timers.push(setInterval(() => undefined, 60_000))
        return adapter.connect(signal)
      },
    }))
    const { cases } = await runContract({ ...leaky, limits: { ...limits, deadlineMs: 3000 } }, ['nothing-left'])
    for (const timer of timers) clearInterval(timer)
    expect(cases.find(({ id }) => id === 'nothing-left')).toMatchObject({
      outcome: 'failed',
      reason: expect.stringMatching(/after 8 rounds there are \d Timeout more/),
    })
  })
})

describe('brokerContract', () => {
  it('has ids that are unique, and titles that are', () => {
    const cases = BROKER_CONTRACT.flatMap((theme) => theme.cases)
    expect(new Set(cases.map(({ id }) => id)).size).toBe(cases.length)
    expect(new Set(cases.map(({ title }) => title)).size).toBe(cases.length)
    expect(cases.length).toBeGreaterThan(80)
  })

  it('skips what the features deny, with the reason, and a case for the reason given', async () => {
    const broker = broken(() => ({}))
    const features = { ...broker.features, delay: false, ordering: 'none' } as const
    const { cases } = await runContract({ ...broker, features, skip: { 'large-body': 'no room in the test' } }, [])
    const reasons = new Map(cases.map(({ id, outcome, reason }) => [id, `${outcome}: ${reason}`]))
    expect(reasons.get('delay')).toBe('skipped: features.delay is false')
    expect(reasons.get('slow-lane')).toBe("skipped: features.ordering is 'none'")
    expect(reasons.get('outage')).toBe('skipped: the hook outage was not given')
    expect(reasons.get('large-body')).toBe('skipped: no room in the test')
  })

  it.each([
    [{ 'no-such-case': 'because' }, /^broker contract: skip names no-such-case, which is not a case\. Cases: features, /],
    [{ delay: ' ' }, 'broker contract: skip.delay needs a reason in words'],
  ])('refuses skip %j', (skip, message) => {
    expect(() => brokerContract({ describe, it, afterAll }, { ...broken(() => ({})), skip })).toThrow(message)
  })
})

it('supportTable puts brokers side by side and explains what was skipped, once', () => {
  const each = { theme: 'timing', durationMs: 1 }
  const reason = 'features.delay is false'
  const table = supportTable([
    {
      subject: 'one',
      cases: [
        { ...each, id: 'a', title: 'A', outcome: 'passed' },
        { ...each, id: 'b', title: 'B', outcome: 'failed', reason: 'x' },
      ],
    },
    {
      subject: 'two',
      cases: [
        { ...each, id: 'a', title: 'A', outcome: 'skipped', reason },
        { ...each, id: 'c', title: 'C', outcome: 'skipped', reason },
      ],
    },
  ])
  expect(table).toBe(
    [
      '| case | one | two |',
      '|---|---|---|',
      '| A | yes | – [1] |',
      '| B | **no** |  |',
      '| C |  | – [1] |',
      '',
      '[1] features.delay is false',
      '',
    ].join('\n'),
  )
})
