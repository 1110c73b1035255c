import { type Logger, silentLogger } from '@comm/core'
import { type Delivery, MemoryServer, MessageClient, type SubscribeRequest, type Subscription } from '@comm/messaging'
import { TestClock } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'
import { Between } from './support/between.ts'

/** The in-memory broker, whose consumers fall silent as the test says: their deliveries never arrive. */
class Silent extends Between {
  subscriptions = 0
  disposals = 0
  asked = 0
  /** The subscriptions up to this one deliver nothing. */
  silentUpTo = 0
  refusal: Error | undefined
  /** What the lag is said to be. */
  lagNow: (real: number) => number = (real) => real
  /** What a subscription says that waits for itself. */
  ownLag: (() => Promise<number>) | undefined
  /** Hands over late what a silent subscription kept. */
  late: (() => void)[] = []

  constructor(server: MemoryServer) {
    super(server)
    const { admin } = this
    Object.assign(this, {
      admin: {
        lag: async (topic: string, group: string) => {
          this.asked++
          return this.lagNow(await admin.lag(topic, group))
        },
      },
    })
  }

  override async subscribe(request: SubscribeRequest, onDelivery: (delivery: Delivery) => void): Promise<Subscription> {
    const mine = ++this.subscriptions
    if (this.refusal !== undefined) throw this.refusal
    const subscription = await super.subscribe(request, (delivery) => {
      if (mine > this.silentUpTo) onDelivery(delivery)
      else this.late.push(() => onDelivery(delivery))
    })
    const dispose = subscription[Symbol.asyncDispose].bind(subscription)
    subscription[Symbol.asyncDispose] = () => {
      this.disposals++
      return dispose()
    }
    return Object.defineProperty(subscription, 'lag', { get: () => this.ownLag })
  }
}

async function setUp(watchdogMs: number | false | undefined, more: { silentUpTo: number; handler?: () => unknown }) {
  const clock = new TestClock()
  const adapter = new Silent(new MemoryServer({ clock }))
  adapter.silentUpTo = more.silentUpTo
  const lines: string[] = []
  const note = (level: string) => (message: string) => void lines.push(`${level}: ${message}`)
  const logger: Logger = { ...silentLogger, warn: note('warn'), error: note('error') }
  const client = new MessageClient(adapter, { clock, logger })
  let handled = 0
  const handler =
    more.handler ??
    (() => {
      handled++
    })
  await client.subscribe('a', handler, { group: 'g', ...(watchdogMs === undefined ? {} : { watchdogMs }) })
  return { clock, adapter, client, lines, handled: () => handled }
}

describe('the watchdog', () => {
  it('subscribes a silent consumer anew, says so and counts it', async () => {
    const { clock, adapter, client, lines, handled } = await setUp(30_000, { silentUpTo: 1 })
    await client.publish('a', 1)
    await clock.advance(30_000)
    expect([adapter.subscriptions, handled()]).toEqual([1, 0])
    await clock.advance(10_000)
    expect([adapter.subscriptions, adapter.disposals, handled()]).toEqual([2, 1, 1])
    expect(lines).toEqual(['warn: the subscription to a has fallen silent though 1 messages wait; it is subscribed anew'])
    expect(client.stats).toMatchObject({ resubscribed: 1, handled: 1 })
    await client.publish('a', 2)
    await clock.advance(600_000)
    expect([adapter.subscriptions, handled()]).toEqual([2, 2])
    await client.close()
    expect(clock.pendingTimers).toBe(0)
  })

  it('lets a consumer be whose messages wait for their time', async () => {
    const { clock, adapter, client, lines, handled } = await setUp(30_000, { silentUpTo: 0 })
    await client.publish('a', 1, { delayMs: 3_600_000 })
    await clock.advance(3_500_000)
    expect([adapter.subscriptions, handled(), lines]).toEqual([1, 0, []])
    await clock.advance(200_000)
    expect([adapter.subscriptions, handled()]).toEqual([1, 1])
    await client.close()
  })

  it('is on by default, and off with 0 and false', async () => {
    const usual = await setUp(undefined, { silentUpTo: 1 })
    await usual.client.publish('a', 1)
    await usual.clock.advance(80_000)
    expect(usual.handled()).toBe(1)
    for (const off of [0, false] as const) {
      const { clock, client, adapter } = await setUp(off, { silentUpTo: 1 })
      await client.publish('a', 1)
      await clock.advance(600_000)
      expect([adapter.subscriptions, adapter.asked]).toEqual([1, 0])
    }
  })

  it('lets a consumer be that has nothing to do, or is busy, and does not ask for the lag of a busy one', async () => {
    const idle = await setUp(30_000, { silentUpTo: 0 })
    await idle.clock.advance(600_000)
    expect(idle.adapter.subscriptions).toBe(1)
    const busy = await setUp(30_000, { silentUpTo: 0, handler: () => new Promise(() => undefined) })
    await busy.client.publish('a', 1)
    await busy.clock.advance(29_000)
    expect([busy.adapter.subscriptions, busy.adapter.asked]).toEqual([1, 0])
  })

  it('lets a consumer be while another member of its group makes progress', async () => {
    const { clock, adapter, client } = await setUp(30_000, { silentUpTo: 1 })
    await client.publish('a', 1)
    adapter.lagNow = (real) => real + 100 - (adapter.asked % 3)
    await clock.advance(600_000)
    expect(adapter.subscriptions).toBe(1)
  })

  it('lets a consumer be when all that its group lags behind is for other members', async () => {
    const { clock, adapter, client } = await setUp(30_000, { silentUpTo: 1 })
    await client.publish('a', 1)
    adapter.ownLag = async () => 0
    await clock.advance(600_000)
    expect(adapter.subscriptions).toBe(1)
    adapter.ownLag = async () => 1
    await clock.advance(80_000)
    expect(adapter.subscriptions).toBe(2)
  })

  it('gives a consumer that stays silent ever more time, and hands over nothing of one given up', async () => {
    const { clock, adapter, client, handled } = await setUp(30_000, { silentUpTo: 1000 })
    await client.publish('a', 1)
    const after: number[] = []
    let seen = adapter.subscriptions
    for (let seconds = 10; seconds <= 3600; seconds += 10) {
      await clock.advance(10_000)
      if (adapter.subscriptions > seen) after.push(seconds)
      seen = adapter.subscriptions
    }
    expect(after.slice(0, 4)).toEqual([40, 110, 240, 490])
    adapter.late[0]?.()
    await clock.advance(0)
    expect(handled()).toBe(0)
    await client.close()
  })

  it('tries again when the broker refuses, with health red until it is back', async () => {
    const { clock, adapter, client, handled } = await setUp(30_000, { silentUpTo: 1 })
    await client.publish('a', 1)
    adapter.refusal = new Error('not now')
    await clock.advance(40_000)
    expect(await client.health()).toMatchObject({
      status: 'down',
      reason: 'the subscription to a could not be begun anew: not now',
    })
    await clock.advance(10_000)
    adapter.refusal = undefined
    await clock.advance(10_000)
    expect(handled()).toBe(1)
    expect(await client.health()).toMatchObject({ status: 'up' })
    await client.close()
    expect(clock.pendingTimers).toBe(0)
  })

  it('ends with its subscription, and with a client that is closed while it begins anew', async () => {
    const { clock, adapter, client } = await setUp(30_000, { silentUpTo: 1 })
    await client.publish('a', 1)
    await clock.advance(39_999)
    const advanced = clock.advance(10)
    const closed = client.close()
    await advanced
    await clock.advance(60_000)
    await closed
    expect(clock.pendingTimers).toBe(0)
    expect(adapter.subscriptions).toBeLessThanOrEqual(2)
  })
})
