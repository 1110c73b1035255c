import { ConnectionError, silentLogger } from '@comm/core'
import { MemoryBroker, MemoryServer, MessageClient } from '@comm/messaging'
import { handlerSpy, TestClock } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'
import { Between } from './support/between.ts'

describe('closing', () => {
  it('does not wait for a request that waits for the start', async () => {
    const client = new MemoryBroker({ connectOn: 'start', closeTimeoutMs: 10 })
    const asked = client.request('a', 1, { timeoutMs: 60_000 }).catch((error) => error.code)
    await client.close()
    expect(await asked).toBe('COMM_CLOSED')
  })

  it('ends a request whose reply topic cannot be subscribed to yet', async () => {
    const adapter = new Between(new MemoryServer())
    const ended = Promise.withResolvers<never>()
    adapter.subscribe = () => ended.promise
    const dispose = adapter[Symbol.asyncDispose].bind(adapter)
    adapter[Symbol.asyncDispose] = async () => {
      ended.reject(new ConnectionError('closed'))
      await dispose()
    }
    const client = new MessageClient(adapter, { closeTimeoutMs: 10 })
    const asked = client.request('a', 1, { timeoutMs: 60_000 }).catch((error) => error.code)
    await client.close()
    expect(await asked).toBe('COMM_CLOSED')
  })

  describe('of an adapter that does not disconnect', () => {
    async function setUp() {
      const clock = new TestClock()
      const adapter = new Between(new MemoryServer({ clock }))
      const gone = Promise.withResolvers<void>()
      adapter[Symbol.asyncDispose] = () => gone.promise
      const lines: string[] = []
      const logger = { ...silentLogger, warn: (message: string) => void lines.push(message) }
      const client = new MessageClient(adapter, { clock, closeTimeoutMs: 2000, logger })
      const closedAfter = async (signal?: AbortSignal): Promise<number | undefined> => {
        const startedAt = clock.now()
        let closedAt: number | undefined
        void client.close(signal).then(() => {
          closedAt = clock.now()
        })
        for (let ms = 0; ms < 10_000 && closedAt === undefined; ms += 50) await clock.advance(50)
        return closedAt === undefined ? undefined : closedAt - startedAt
      }
      return { clock, client, gone, lines, closedAfter }
    }

    it('ends in its time, and says so', async () => {
      const { clock, client, lines, closedAfter } = await setUp()
      await client.subscribe('a', () => undefined, { group: 'g' })
      expect(await closedAfter()).toBe(2000)
      expect(lines).toEqual(['messaging was closed before it had disconnected'])
      expect(clock.pendingTimers).toBe(0)
    })

    it('ends in its time, though a handler has had its share of it', async () => {
      const { clock, client, closedAfter } = await setUp()
      await client.subscribe('a', () => new Promise(() => undefined), { group: 'g' })
      await client.publish('a', 1)
      await clock.advance(0)
      expect(client.stats.inFlight).toBe(1)
      expect(await closedAfter()).toBe(2000)
    })

    it('leaves it a moment when the signal has aborted already', async () => {
      const { closedAfter } = await setUp()
      expect(await closedAfter(AbortSignal.abort())).toBe(250)
    })

    it('tells what failed in time', async () => {
      const { client, gone } = await setUp()
      gone.reject(new ConnectionError('it broke'))
      await expect(client.close()).rejects.toThrow('it broke')
    })
  })
})

describe('a subscription', () => {
  it('stops in the time that it was given, though the broker answers nothing', async () => {
    const clock = new TestClock()
    const adapter = new Between(new MemoryServer({ clock }))
    const subscribe = adapter.subscribe.bind(adapter)
    const never = (): Promise<void> => new Promise(() => undefined)
    adapter.subscribe = async (request, onDelivery) =>
      Object.assign(await subscribe(request, onDelivery), { stopIntake: never, [Symbol.asyncDispose]: never })
    const client = new MessageClient(adapter, { clock })
    const subscription = await client.subscribe('a', () => undefined, { group: 'g' })
    let isStopped = false
    const stopped = subscription.stop(500).then(() => {
      isStopped = true
    })
    await clock.advance(499)
    expect(isStopped).toBe(false)
    await clock.advance(101)
    await stopped
    expect(await subscription.ended).toBeUndefined()
  })
})

describe('a responder', () => {
  it('that cannot listen for cancellations answers nothing', async () => {
    const server = new MemoryServer()
    const adapter = new Between(server)
    const subscribe = adapter.subscribe.bind(adapter)
    adapter.subscribe = async (request, onDelivery) => {
      if (request.topics.includes('a.cancel')) throw new ConnectionError('it was lost')
      return subscribe(request, onDelivery)
    }
    await using client = new MessageClient(adapter)
    const answered = handlerSpy()
    await expect(client.respond('a', answered)).rejects.toMatchObject({ code: 'COMM_CONNECTION' })
    await using other = new MemoryBroker({ server })
    await using _ = await other.respond('a', () => 'from the other')
    expect(await other.request('a', 1)).toBe('from the other')
    expect(await other.request('a', 2)).toBe('from the other')
    expect(answered.calls).toEqual([])
  })
})
