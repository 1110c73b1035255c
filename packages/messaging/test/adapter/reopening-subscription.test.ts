import { type CommunicationError, ConnectionError, ConsumeError, CommunicationError as Failure, silentLogger } from '@comm/core'
import { TestClock } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'
import { type LinkConsumer, Subscriptions } from '../../src/adapter/index.ts'

const request = { topics: ['t'], maxUnsettled: 1, lanes: 'none' } as const

class FakeConsumer implements LinkConsumer {
  readonly log: string[] = []
  readonly lost: (reason: CommunicationError) => void
  readonly failure: CommunicationError | undefined

  constructor(lost: (reason: CommunicationError) => void, failure: CommunicationError | undefined) {
    this.lost = lost
    this.failure = failure
  }

  async open(): Promise<void> {
    if (this.failure !== undefined) throw this.failure
    this.log.push('open')
  }
  stopIntake(): void {
    this.log.push('stop')
  }
  async close(): Promise<void> {
    this.log.push('close')
  }
  lose(): void {
    this.log.push('lose')
  }
}

function setUp() {
  const clock = new TestClock()
  const made: FakeConsumer[] = []
  const state = { link: 'one' as string | undefined, failures: [] as (CommunicationError | undefined)[] }
  const subscriptions = new Subscriptions<string, FakeConsumer>({
    link: () => state.link,
    closed: () => new Failure('the subscription is closed', { code: 'COMM_CLOSED' }),
    clock,
    logger: silentLogger,
    random: () => 0.5,
  })
  const makeConsumer = (_: string, lost: (reason: CommunicationError) => void): FakeConsumer => {
    const consumer = new FakeConsumer(lost, state.failures.shift())
    made.push(consumer)
    return consumer
  }
  return { clock, made, state, subscriptions, begin: () => subscriptions.begin(request, 'one', makeConsumer) }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const away = new ConnectionError('away')

describe('a subscription that outlives its connections', () => {
  it('has a consumer of its own on each connection', async () => {
    const { made, subscriptions, begin, state } = setUp()
    const subscription = await begin()
    state.link = undefined
    subscriptions.lose(away)
    expect(made.map(({ log }) => log)).toEqual([['open', 'lose']])
    subscriptions.resume()
    expect(subscription.consumer).toBeUndefined()
    state.link = 'two'
    subscriptions.resume()
    subscriptions.resume()
    await settled()
    expect(made.map(({ log }) => log)).toEqual([['open', 'lose'], ['open']])
  })

  it('comes back after a pause when the broker ended it on a connection that is there, and says so meanwhile', async () => {
    const { clock, made, subscriptions, begin, state } = setUp()
    await begin()
    state.failures.push(away)
    made[0]?.lost(away)
    expect(subscriptions.trouble).toBe('away')
    expect(made).toHaveLength(1)
    await clock.advance(200)
    await settled()
    expect(made).toHaveLength(2)
    await clock.advance(1000)
    await settled()
    expect(made[2]?.log).toEqual(['open'])
    expect(subscriptions.trouble).toBeUndefined()
  })

  it('ends for good with an error that no retry can mend', async () => {
    const { clock, made, subscriptions, begin } = setUp()
    const subscription = await begin()
    const gone = new ConsumeError('deleted', { retryable: false })
    made[0]?.lost(gone)
    expect(await subscription.ended).toBe(gone)
    await clock.advance(60_000)
    expect(made).toHaveLength(1)
    expect([...subscriptions]).toEqual([])
  })

  it('does not come back once intake has stopped, and closes what it has', async () => {
    const { made, subscriptions, begin } = setUp()
    const subscription = await begin()
    await subscription.stopIntake()
    await subscription.stopIntake()
    subscriptions.resume()
    await subscription[Symbol.asyncDispose]()
    expect(made.map(({ log }) => log)).toEqual([['open', 'stop', 'close']])
    expect(await subscription.ended).toBeUndefined()
  })

  it('leaves nothing behind when it cannot begin', async () => {
    const { clock, subscriptions, begin, state } = setUp()
    state.failures.push(away)
    await expect(begin()).rejects.toBe(away)
    expect([...subscriptions]).toEqual([])
    expect(clock.pendingTimers).toBe(0)
  })

  it('closes a consumer that opens after the end', async () => {
    const { made, subscriptions, begin } = setUp()
    const beginning = begin()
    await subscriptions.end(away)
    await beginning.catch(() => undefined)
    expect(made[0]?.log).toContain('close')
  })
})
