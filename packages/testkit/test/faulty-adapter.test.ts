import { ConnectionError } from '@comm/core'
import { type Delivery, MemoryBrokerAdapter, MemoryServer } from '@comm/messaging'
import { brokerContract, FAULT_DEFAULTS, type FaultOptions, FaultyAdapter, TestClock } from '@comm/testkit'
import { afterAll, describe, expect, it } from '@jest/globals'

const { signal } = new AbortController()
const record = (text: string, key?: string) => ({
  topic: 't',
  body: new TextEncoder().encode(text),
  headers: {},
  ...(key === undefined ? {} : { key }),
})

const server = new MemoryServer()
brokerContract(
  { describe, it, afterAll },
  {
    name: 'in-memory behind a FaultyAdapter without faults, cut by it',
    features: new MemoryBrokerAdapter({ server }).features,
    createAdapter: () => new FaultyAdapter(new MemoryBrokerAdapter({ server })),
    sever: (adapter) => (adapter as FaultyAdapter).disconnect(),
    outage: { begin: () => server.stop(), end: () => server.start() },
    limits: { quietMs: 5, delayMs: 30 },
  },
)

async function setUp(faults: FaultOptions) {
  const clock = new TestClock()
  const inner = new MemoryBrokerAdapter({ clock })
  const adapter = new FaultyAdapter(inner, { ...faults, clock })
  await adapter.connect(signal)
  const received: Delivery[] = []
  const texts = (): string[] => received.map(({ body }) => new TextDecoder().decode(body))
  const subscribe = (lanes: 'key' | 'none', react?: (delivery: Delivery) => void) =>
    adapter.subscribe({ topics: ['t'], group: 'g', lanes, maxUnsettled: 10 }, (delivery) => {
      received.push(delivery)
      react?.(delivery)
    })
  return { clock, inner, adapter, received, texts, subscribe }
}

describe('a fault that always happens', () => {
  it('refuse: nothing is stored, and the answer says so', async () => {
    const { adapter, inner, subscribe } = await setUp({ refuse: 1 })
    await subscribe('none')
    expect(await adapter.publish([record('a'), record('b')], signal)).toMatchObject([
      { ok: false, stored: 'no', error: { code: 'COMM_PUBLISH', retryable: true } },
      { ok: false, stored: 'no' },
    ])
    expect(await inner.admin.lag('t', 'g')).toBe(0)
    expect(adapter.counts.refuse).toBe(2)
  })

  it('unknown: stored or not, the answer says neither; behind one of its key that is not, nothing is', async () => {
    const { adapter, inner, subscribe } = await setUp({ unknown: 1 })
    await subscribe('none')
    const records = Array.from({ length: 40 }, (_, index) => record(String(index)))
    const results = await adapter.publish(records, signal)
    expect(new Set(results.map((result) => result.ok || result.stored))).toEqual(new Set(['unknown']))
    const stored = await inner.admin.lag('t', 'g')
    expect([stored > 5, stored < 35]).toEqual([true, true])

    await inner.admin.purge('t', 'g')
    await adapter.publish(
      records.map((each) => ({ ...each, key: 'k' })),
      signal,
    )
    const kept = await inner.admin.browse({ topic: 't', group: 'g' })
    expect(kept.map(({ body }) => new TextDecoder().decode(body))).toEqual(kept.map((_, index) => String(index)))
  })

  it('drop: the record comes back before its lane goes on', async () => {
    const { adapter, clock, texts, subscribe } = await setUp({ drop: 0.5 })
    await subscribe('key', (delivery) => void delivery.settle('ack'))
    await adapter.publish(
      Array.from({ length: 20 }, (_, index) => record(String(index), 'k')),
      signal,
    )
    await clock.advance(0)
    expect(texts()).toEqual(Array.from({ length: 20 }, (_, index) => String(index)))
    expect(adapter.counts.drop).toBeGreaterThan(0)
  })

  it('duplicate: what was acknowledged comes again, with its id, before its lane goes on', async () => {
    const { adapter, clock, received, texts, subscribe } = await setUp({ duplicate: 0.5 })
    await subscribe('key', (delivery) => void delivery.settle('ack'))
    await adapter.publish(
      Array.from({ length: 20 }, (_, index) => record(String(index), 'k')),
      signal,
    )
    await clock.advance(0)
    expect(texts()).toEqual(texts().toSorted((a, b) => Number(a) - Number(b)))
    expect(new Set(received.map(({ id }) => id)).size).toBe(20)
    expect(received.length).toBe(20 + adapter.counts.duplicate)
    expect(adapter.counts.duplicate).toBeGreaterThan(0)
  })

  it('delay: a delivery waits for up to delayMs', async () => {
    const { adapter, clock, texts, subscribe } = await setUp({ delay: 1, delayMs: 100 })
    await subscribe('key')
    await adapter.publish([record('a', 'a')], signal)
    await clock.advance(0)
    expect(texts()).toEqual([])
    await clock.advance(100)
    expect(texts()).toEqual(['a'])
  })

  it('reorder: lanes overtake each other', async () => {
    const { adapter, clock, texts, subscribe } = await setUp({ reorder: 1 })
    await subscribe('key')
    const sent = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
    await adapter.publish(
      sent.map((key) => record(key, key)),
      signal,
    )
    await clock.advance(0)
    expect(texts()).not.toEqual(sent)
    expect(texts().toSorted()).toEqual(sent)
  })
})

describe('a lost connection', () => {
  it('is down for outageMs: health, publish and subscribe say so, deliveries come again afterwards', async () => {
    const { adapter, clock, received, texts, subscribe } = await setUp({ outageMs: 50 })
    await subscribe('key')
    await adapter.publish([record('a', 'k')], signal)
    await clock.advance(0)
    adapter.disconnect()
    adapter.disconnect()
    expect([received[0]?.lost.aborted, await received[0]?.settle('ack')]).toEqual([true, 'lost'])
    expect((await adapter.health()).status).toBe('down')
    expect(await adapter.publish([record('b')], signal)).toMatchObject([
      { ok: false, stored: 'no', error: { code: 'COMM_CONNECTION' } },
    ])
    await expect(subscribe('none')).rejects.toThrow(ConnectionError)
    await clock.advance(49)
    expect(texts()).toEqual(['a'])
    await clock.advance(1)
    expect(texts()).toEqual(['a', 'a'])
    expect((await adapter.health()).status).toBe('up')
    expect(adapter.counts.disconnect).toBe(0)
  })

  it('leaves no timer behind when the adapter is disposed of meanwhile', async () => {
    const { adapter, clock, subscribe } = await setUp({ delay: 1, outageMs: 1000, delayMs: 1000 })
    const { ended } = await subscribe('key')
    await adapter.publish([record('a', 'k')], signal)
    await clock.advance(0)
    adapter.disconnect()
    await adapter[Symbol.asyncDispose]()
    expect(await ended).toBeUndefined()
    await clock.advance(0)
    expect(clock.pendingTimers).toBe(0)
  })

  it('answers unknown for what was on its way', async () => {
    const { adapter, subscribe } = await setUp({ disconnect: 1 })
    await subscribe('none')
    expect(await adapter.publish([record('a')], signal)).toMatchObject([{ ok: false, stored: 'unknown' }])
  })
})

it('without options nothing goes wrong', () => {
  const { seed: _, clock: __, delayMs: ___, outageMs: ____, ...ratios } = FAULT_DEFAULTS
  expect(new Set(Object.values(ratios))).toEqual(new Set([0]))
})
