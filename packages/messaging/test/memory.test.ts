import { CommunicationError } from '@comm/core'
import {
  type Delivery,
  MemoryBrokerAdapter,
  MemoryServer,
  type MemoryServerOptions,
  type OutboundRecord,
  type SubscribeRequest,
} from '@comm/messaging'
import { TestClock } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'

const { signal } = new AbortController()
const textOf = ({ body }: { readonly body: Uint8Array }): string => new TextDecoder().decode(body)

function record(text: string, more: Partial<OutboundRecord> = {}): OutboundRecord {
  return { topic: 't', body: new TextEncoder().encode(text), headers: {}, ...more }
}

/** A connected adapter on a clock that stands still. */
async function setUp(options: MemoryServerOptions = {}) {
  const clock = new TestClock()
  const server = new MemoryServer({ clock, ...options })
  const adapter = new MemoryBrokerAdapter({ server })
  await adapter.connect(signal)
  return {
    clock,
    server,
    adapter,
    publish: async (...records: OutboundRecord[]) =>
      (await adapter.publish(records, signal)).map((result) => (result.ok ? 'stored' : result.error.code)),
    async subscribe(request: Partial<SubscribeRequest>, how: 'ack' | 'hold' = 'ack') {
      const received: Delivery[] = []
      const full = { topics: ['t'], maxUnsettled: 10, lanes: 'none', ...request } as const
      const subscription = await adapter.subscribe(full, (delivery) => {
        received.push(delivery)
        if (how === 'ack') void delivery.settle('ack')
      })
      return { received, subscription, texts: () => received.map(textOf) }
    },
    /** Lets everything happen that is due now. */
    settled: () => clock.advance(0),
  }
}

describe('time', () => {
  it('releases a delayed record at its time, neither a millisecond earlier nor later', async () => {
    const { clock, publish, subscribe } = await setUp()
    const { texts } = await subscribe({ group: 'g' })
    await publish(record('later', { notBefore: clock.wall() + 1000 }))
    await clock.advance(999)
    expect(texts()).toEqual([])
    await clock.advance(1)
    expect(texts()).toEqual(['later'])
  })

  it('keeps one timer for all delayed records, and none without a connection', async () => {
    const { clock, adapter, server, publish, subscribe } = await setUp()
    await subscribe({ group: 'g' })
    await publish(...[3000, 1000, 2000, 86_400_000 * 30].map((ms) => record(String(ms), { notBefore: clock.wall() + ms })))
    expect(clock.pendingTimers).toBe(1)
    await adapter[Symbol.asyncDispose]()
    expect(clock.pendingTimers).toBe(0)

    await clock.advance(1500)
    const next = new MemoryBrokerAdapter({ server })
    await next.connect(signal)
    const texts: string[] = []
    await next.subscribe(
      { topics: ['t'], group: 'g', maxUnsettled: 10, lanes: 'none' },
      (delivery) => void texts.push(textOf(delivery)),
    )
    await clock.advance(0)
    expect(texts).toEqual(['1000'])
    await clock.advance(86_400_000 * 30)
    expect(texts).toEqual(['1000', '2000', '3000', String(86_400_000 * 30)])
  })

  it('drops a record that has expired when its turn comes', async () => {
    const { adapter, clock, publish, subscribe, settled } = await setUp()
    await (await subscribe({ group: 'g' })).subscription[Symbol.asyncDispose]()
    await publish(record('old', { key: 'k', expiresAt: clock.wall() + 100 }), record('fresh', { key: 'k' }))
    await clock.advance(100)
    const { texts } = await subscribe({ group: 'g', lanes: 'key' })
    await settled()
    expect(texts()).toEqual(['fresh'])
    expect(await adapter.admin.lag('t', 'g')).toBe(0)
  })
})

describe('bounds', () => {
  it('retains the last records of a topic only, by number and by size', async () => {
    const { publish, subscribe, settled } = await setUp({ retainedRecords: 3, retainedBytes: 10 })
    await publish(...['a', 'b', 'c', 'd'].map((text) => record(text, { unroutable: 'ignore' })))
    const byNumber = await subscribe({ from: 'earliest' })
    await publish(record('123456789'))
    const bySize = await subscribe({ from: 'earliest' })
    await publish(record('more than ten bytes'))
    const none = await subscribe({ from: 'earliest' })
    await settled()
    expect(byNumber.texts()).toEqual(['b', 'c', 'd', '123456789', 'more than ten bytes'])
    expect(bySize.texts()).toEqual(['d', '123456789', 'more than ten bytes'])
    expect(none.texts()).toEqual([])
  })

  it('refuses, for now, what a group that does not consume cannot take', async () => {
    const { adapter, publish, subscribe } = await setUp({ maxQueuedRecords: 2 })
    await (await subscribe({ group: 'idle' })).subscription[Symbol.asyncDispose]()
    expect(await publish(record('a'), record('b'), record('c'))).toEqual(['stored', 'stored', 'COMM_PUBLISH'])
    const [result] = await adapter.publish([record('d')], signal)
    expect(result).toMatchObject({ ok: false, stored: 'no', error: { retryable: true } })
    expect(await adapter.admin.purge('t', 'idle')).toBe(2)
    expect(await publish(record('e'))).toEqual(['stored'])
  })

  it('forgets a topic when its last ephemeral subscriber leaves, unless a group or a kept record needs it', async () => {
    const { publish, subscribe, settled } = await setUp()
    const reply = await subscribe({})
    await publish(record('a reply'))
    await reply.subscription[Symbol.asyncDispose]()
    expect(await publish(record('nobody'))).toEqual(['COMM_UNROUTABLE'])
    await publish(record('kept', { unroutable: 'ignore' }))
    await (await subscribe({})).subscription[Symbol.asyncDispose]()
    const late = await subscribe({ from: 'earliest' })
    await settled()
    expect(late.texts()).toEqual(['kept'])
  })
})

describe('groups', () => {
  it('shares evenly among members with credit', async () => {
    const { publish, subscribe, settled } = await setUp()
    const members = [await subscribe({ group: 'g' }), await subscribe({ group: 'g' }), await subscribe({ group: 'g' })]
    await publish(...Array.from({ length: 9 }, (_, index) => record(String(index))))
    await settled()
    expect(members.map(({ received }) => received.length)).toEqual([3, 3, 3])
  })

  it('takes up the lanes of a consumer that wants some, though records wait without', async () => {
    const { publish, subscribe, settled } = await setUp()
    const loose = await subscribe({ group: 'g', maxUnsettled: 1 }, 'hold')
    await publish(...['0', '1', '2'].map((text) => record(text, { key: 'k' })))
    await settled()
    const keyed = await subscribe({ group: 'g', lanes: 'key' })
    await settled()
    expect([loose.texts(), keyed.texts()]).toEqual([['0'], []])
    await loose.received[0]?.settle('requeue')
    await loose.subscription[Symbol.asyncDispose]()
    await settled()
    expect(keyed.texts()).toEqual(['0', '1', '2'])
  })

  it('gives priority to lanes, but never reorders one', async () => {
    const { publish, subscribe, settled } = await setUp()
    await (await subscribe({ group: 'g', lanes: 'key' })).subscription[Symbol.asyncDispose]()
    await publish(record('a0', { key: 'a' }), record('a9', { key: 'a', priority: 9 }), record('b5', { key: 'b', priority: 5 }))
    const { texts } = await subscribe({ group: 'g', lanes: 'key', maxUnsettled: 1 })
    await settled()
    expect(texts()).toEqual(['b5', 'a0', 'a9'])
  })

  it('lets a removed record go though nobody consumes', async () => {
    const { adapter, publish, subscribe, settled } = await setUp()
    await publish(...Array.from({ length: 200 }, (_, index) => record(String(index), { group: 'dead', key: 'k' })))
    const shown = await adapter.admin.browse({ topic: 't', group: 'dead', limit: 199 })
    const ids = shown.map(({ id }) => id)
    expect(await adapter.admin.remove('t', ids, 'dead')).toBe(199)
    const { texts } = await subscribe({ group: 'dead', lanes: 'key' })
    await settled()
    expect(texts()).toEqual(['199'])
  })

  it('removes and purges from a topic with all its groups when none is named', async () => {
    const { adapter, publish, subscribe } = await setUp()
    for (const group of ['a', 'b']) await (await subscribe({ group })).subscription[Symbol.asyncDispose]()
    await publish(record('0'), record('1'), record('2'))
    const [first] = await adapter.admin.browse({ topic: 't' })
    expect(await adapter.admin.remove('t', [String(first?.id), 'other'])).toBe(1)
    expect([await adapter.admin.lag('t', 'a'), await adapter.admin.lag('t', 'b')]).toEqual([2, 2])
    expect(await adapter.admin.purge('t')).toBe(2)
    expect([await adapter.admin.lag('t', 'a'), await adapter.admin.lag('t', 'b')]).toEqual([0, 0])
    expect(await adapter.admin.browse({ topic: 't' })).toEqual([])
  })
})

describe('outages', () => {
  it('goes on in the order of each lane, though the server stops while records are handled', async () => {
    const { server, publish, subscribe, settled } = await setUp()
    const { received, texts } = await subscribe({ group: 'g', lanes: 'key' }, 'hold')
    await publish(record('a0', { key: 'a' }), record('a1', { key: 'a' }), record('b0', { key: 'b' }))
    await settled()
    server.stop()
    expect(received.every(({ lost }) => lost.aborted)).toBe(true)
    expect(await publish(record('never'))).toEqual(['COMM_CONNECTION'])
    server.start()
    await settled()
    expect([texts().slice(0, 2), texts().slice(2).toSorted()]).toEqual([
      ['a0', 'b0'],
      ['a0', 'b0'],
    ])
    expect(received.map(({ redeliveries }) => redeliveries)).toEqual([0, 0, 1, 1])
  })

  it('stopping twice and starting twice is doing it once', async () => {
    const { adapter, server, settled } = await setUp()
    server.stop()
    server.stop()
    server.dropConnections()
    expect((await adapter.health()).status).toBe('down')
    server.start()
    server.start()
    await settled()
    expect((await adapter.health()).status).toBe('up')
  })

  it('ends a subscription by name when its topic is deleted; one by pattern goes on without it', async () => {
    const { server, publish, subscribe, settled } = await setUp()
    const byName = await subscribe({ group: 'a', topics: ['x.one', 'x.two'] })
    const byPattern = await subscribe({ group: 'b', topics: ['x.*'], pattern: true })
    expect([server.deleteTopic('x.one'), server.deleteTopic('x.one')]).toEqual([true, false])
    expect(await byName.subscription.ended).toBeInstanceOf(CommunicationError)
    await publish(record('two', { topic: 'x.two' }), record('one again', { topic: 'x.one' }))
    await settled()
    expect(byName.texts()).toEqual([])
    expect(byPattern.texts()).toEqual(['two', 'one again'])
  })
})

it('delivers 50,000 records to two groups without starving the event loop', async () => {
  const { adapter, subscribe } = await setUp()
  const groups = [await subscribe({ group: 'a', lanes: 'key' }), await subscribe({ group: 'b' })]
  let turns = 0
  const timer = setInterval(() => turns++, 1)
  const records = Array.from({ length: 50_000 }, (_, index) => record(String(index), { key: `key-${index % 100}` }))
  await adapter.publish(records, signal)
  while (groups.some(({ received }) => received.length < records.length)) await new Promise((resolve) => setImmediate(resolve))
  clearInterval(timer)
  expect(turns).toBeGreaterThan(1)
})
