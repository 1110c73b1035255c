import { ConnectionError } from '@comm/core'
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
