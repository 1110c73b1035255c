import { getEventListeners } from 'node:events'
import { AuthenticationError, ConnectionError, Lifecycle, pipeline, type Stage, withDeadline } from '@comm/core'
import { MemoryBroker, MemoryServer, MessageClient, type MessageMeta, topic } from '@comm/messaging'
import { handlerSpy, TestClock, waitFor } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'
import { z } from 'zod'
import { Between } from './support/between.ts'

describe('connecting', () => {
  it('happens at the first use, once', async () => {
    const adapter = new Between(new MemoryServer())
    await using client = new MessageClient(adapter)
    expect(adapter.connects).toBe(0)
    expect(await client.health()).toEqual({ status: 'up', reason: 'not used yet, so not connected' })
    await Promise.all([
      client.subscribe('a', () => undefined),
      client.subscribe('b', () => undefined),
      client.publish('c', 1, { unroutable: 'ignore' }),
    ])
    expect(adapter.connects).toBe(1)
    expect(await client.health()).toEqual({ status: 'up', details: { buffered: 0, inFlight: 0 } })
  })

  it('is tried again while publishes wait, in order', async () => {
    const clock = new TestClock()
    let failures = 3
    const connect = async (): Promise<void> => {
      if (failures-- > 0) throw new ConnectionError('connect ECONNREFUSED 127.0.0.1:5672')
    }
    const server = new MemoryServer({ clock })
    const adapter = new Between(server, { connect })
    const client = new MessageClient(adapter, { clock, random: () => 0 })
    const published = Promise.all([1, 2, 3].map((body) => client.publish('a', body, { unroutable: 'ignore' })))
    await clock.advance(2000)
    await published
    expect(adapter.connects).toBe(4)
    expect(adapter.published.map(({ body }) => new TextDecoder().decode(body))).toEqual(['1', '2', '3'])
    await client.close()
    expect(clock.pendingTimers).toBe(0)
  })

  it('fails publishes at once when no retry can help', async () => {
    const connect = async (): Promise<void> => {
      throw new AuthenticationError('login refused for user guest')
    }
    await using client = new MessageClient(new Between(new MemoryServer(), { connect }))
    await expect(client.publish('a', 1)).rejects.toMatchObject({
      code: 'COMM_AUTHENTICATION',
      message: 'login refused for user guest',
    })
  })

  it('fails a subscribe, which may be tried again', async () => {
    let failures = 1
    const connect = async (): Promise<void> => {
      if (failures-- > 0) throw new ConnectionError('connect ECONNREFUSED 127.0.0.1:5672')
    }
    await using client = new MessageClient(new Between(new MemoryServer(), { connect }))
    await expect(client.subscribe('a', () => undefined)).rejects.toMatchObject({ code: 'COMM_CONNECTION' })
    await client.subscribe('a', () => undefined)
  })

  it('that is lost refuses a subscribe, which may be tried again', async () => {
    const server = new MemoryServer()
    await using client = new MemoryBroker({ server })
    await client.subscribe('a', () => undefined)
    server.stop()
    await expect(client.subscribe('b', () => undefined)).rejects.toMatchObject({ code: 'COMM_CONNECTION' })
    server.start()
    await waitFor(async () => (await client.health()).status === 'up')
    await client.subscribe('b', () => undefined)
  })

  it('waits for start() where it should: publishes are kept, subscriptions start with it', async () => {
    const adapter = new Between(new MemoryServer())
    await using client = new MessageClient(adapter, { connectOn: 'start' })
    const spy = handlerSpy<[body: unknown]>()
    const subscription = await client.subscribe('a', spy, { group: 'g' })
    const published = client.publish('a', 1)
    expect(adapter.connects).toBe(0)
    await client.start()
    await Promise.all([subscription.ready, published])
    await spy.called(1)
  })

  it('start() tries again what it could not begin', async () => {
    const adapter = new Between(new MemoryServer())
    const subscribe = adapter.subscribe.bind(adapter)
    let refusals = 2
    adapter.subscribe = async (request, onDelivery) => {
      if (request.topics.includes('b') && refusals-- > 0) throw new ConnectionError('b was lost')
      return subscribe(request, onDelivery)
    }
    await using client = new MessageClient(adapter, { connectOn: 'start' })
    const spies = [handlerSpy<[body: unknown]>(), handlerSpy<[body: unknown]>()] as const
    await client.subscribe('a', spies[0])
    const second = await client.subscribe('b', spies[1])
    const ready = second.ready
    await expect(client.start()).rejects.toThrow('b was lost')
    await expect(ready).rejects.toThrow('b was lost')
    await expect(client.start()).rejects.toThrow('b was lost')
    await client.start()
    await second.ready
    await Promise.all([client.publish('a', 1), client.publish('b', 2)])
    await Promise.all(spies.map((spy) => spy.called(1)))
    await client.start()
    expect(spies.map(({ messages }) => messages)).toEqual([[1], [2]])
  })

  it('start() stops waiting when its signal aborts, and leaves no listener', async () => {
    await using client = new MessageClient(new Between(new MemoryServer(), { connect: () => new Promise(() => undefined) }))
    const controller = new AbortController()
    const started = client.start(controller.signal)
    controller.abort(new Error('no longer'))
    await expect(started).rejects.toThrow('no longer')
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
  })
})

describe('an outage', () => {
  it('holds publishes until the broker is back, in bounded memory', async () => {
    const clock = new TestClock()
    const server = new MemoryServer({ clock })
    const client = new MemoryBroker({ server, clock, buffer: { maxMessages: 50 }, publishTimeoutMs: 3_600_000 })
    const bodies: unknown[] = []
    await client.subscribe('a', (body) => void bodies.push(body), { group: 'g' })
    server.stop()
    const published = Promise.all(Array.from({ length: 100 }, (_, index) => client.publish('a', index, { key: 'k' })))
    await clock.advance(60_000)
    expect(client.buffered.messages).toBe(50)
    expect(await client.health()).toMatchObject({ status: 'down', details: { buffered: 50 } })
    server.start()
    await clock.advance(5000)
    await published
    await clock.advance(0)
    expect(bodies).toEqual(Array.from({ length: 100 }, (_, index) => index))
    await client.close()
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('publishing', () => {
  it('many: each has its own result, in order', async () => {
    await using client = new MemoryBroker()
    const spy = handlerSpy<[body: unknown, meta: MessageMeta]>()
    await client.subscribe('a', spy, { group: 'g', concurrency: 1 })
    const results = await client.publishMany('a', [1, 2n, 3], (body) => ({ key: String(body) }))
    expect(results).toMatchObject([{ ok: true }, { ok: false, error: { code: 'COMM_VALIDATION' } }, { ok: true }])
    await spy.called(2)
    expect(spy.calls.map(([body, { key }]) => [body, key])).toEqual([
      [1, '1'],
      [3, '3'],
    ])
  })

  it('ends at the deadline of the caller', async () => {
    const clock = new TestClock()
    const server = new MemoryServer({ clock })
    server.stop()
    const client = new MemoryBroker({ server, clock })
    const failed = withDeadline(500, () => client.publish('a', 1), clock).catch((error: Error) => error.message)
    await clock.advance(500)
    expect(await failed).toMatch(/^a message for a was not confirmed within 500 ms: /)
    await client.close()
  })

  it('goes through the policies it is given', async () => {
    const seen: unknown[] = []
    const watch: Stage = { name: 'watch', enter: ({ argument }) => void seen.push((argument as { topic: string }).topic) }
    await using client = new MemoryBroker({ resilience: pipeline([watch]) })
    await client.publish('a', 1, { unroutable: 'ignore' })
    expect(seen).toEqual(['a'])
  })

  it('refuses a delay where the broker has none, and a body that it would not take', async () => {
    await using bare = new MessageClient(new Between(new MemoryServer(), { features: { delay: false } }))
    await expect(bare.publish('a', 1, { delayMs: 10 })).rejects.toMatchObject({
      code: 'COMM_UNSUPPORTED',
      message: 'a message for a cannot be delayed: this broker has no delayed delivery',
    })
    await using small = new MemoryBroker({ server: new MemoryServer({ maxBodyBytes: 10 }) })
    await expect(small.publish('a', 'x'.repeat(11))).rejects.toMatchObject({
      code: 'COMM_PUBLISH',
      retryable: false,
      message: 'a message for a is too large (11 bytes, the broker takes 10); publish a reference to the data instead',
    })
  })
})

describe('requests', () => {
  it('that are aborted before they begin send nothing', async () => {
    const adapter = new Between(new MemoryServer())
    await using client = new MessageClient(adapter)
    const signal = AbortSignal.abort(new Error('gone'))
    await expect(client.request('a', 1, { signal })).rejects.toMatchObject({ code: 'COMM_ABORTED', cause: signal.reason })
    expect(adapter.connects).toBe(0)
  })

  it('leave no listener, no timer and no failed publish behind when they are answered', async () => {
    const clock = new TestClock()
    const client = new MemoryBroker({ clock })
    const { signal } = new AbortController()
    await client.respond('a', (body) => body)
    expect(await client.request('a', 1, { signal })).toBe(1)
    expect(getEventListeners(signal, 'abort')).toEqual([])
    await client.close()
    expect(client.stats).toMatchObject({ published: 2, publishFailed: 0 })
    // Timers that attempts share go in a later turn.
    await clock.advance(0)
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('typed topics', () => {
  const orderCreated = topic('order.created', z.object({ id: z.number(), note: z.string().default('none') }))

  it('check what is published, and give the handler what the schema makes of it', async () => {
    await using client = new MemoryBroker()
    const spy = handlerSpy<[order: { id: number; note: string }]>()
    await client.subscribe(orderCreated, spy, { group: 'g' })
    await client.publish(orderCreated, { id: 7 })
    await client.publishMany(orderCreated, [{ id: 8, note: 'fast' }])
    await spy.called(2)
    expect(spy.messages).toEqual([
      { id: 7, note: 'none' },
      { id: 8, note: 'fast' },
    ])
    // @ts-expect-error the id must be a number
    const wrong = client.publish(orderCreated, { id: 'seven' })
    await expect(wrong).rejects.toMatchObject({
      code: 'COMM_VALIDATION',
      details: { issues: [{ path: 'id', message: 'Invalid input: expected number, received string' }] },
    })
  })

  it('give handlers the type of the schema', async () => {
    await using client = new MemoryBroker()
    const notes: string[] = []
    await client.subscribe(orderCreated, ({ id, note }) => void notes.push(`${id.toFixed(1)} ${note.toUpperCase()}`), {
      group: 'g',
    })
    await client.publish(orderCreated, { id: 7 })
    await waitFor(() => notes.length === 1)
    expect(notes).toEqual(['7.0 NONE'])
  })

  it('work with schemas that validate asynchronously', async () => {
    const known = topic(
      'known',
      z.string().refine(async (value) => value !== 'unknown', 'is not known'),
    )
    await using client = new MemoryBroker()
    const spy = handlerSpy<[body: string]>()
    await client.subscribe(known, spy, { group: 'g' })
    await client.publish(known, 'fine')
    await expect(client.publish(known, 'unknown')).rejects.toThrow('a message of known does not match its schema: is not known')
    await spy.called(1)
  })

  it('type replies by the schema of the request', async () => {
    await using client = new MemoryBroker()
    await client.respond('price', () => ({ total: 12 }))
    const { total } = await client.request('price', 1, { reply: z.object({ total: z.number() }) })
    expect(total.toFixed(2)).toBe('12.00')
    await expect(client.request('price', 1, { reply: z.object({ total: z.string() }) })).rejects.toMatchObject({
      code: 'COMM_VALIDATION',
      message: 'a message of price (reply) does not match its schema: total: Invalid input: expected string, received number',
    })
  })
})

describe('subscriptions', () => {
  it('by pattern take every topic that matches, and retry under its own name', async () => {
    await using client = new MemoryBroker()
    const spy = handlerSpy<[body: unknown, meta: MessageMeta]>().fails(1)
    const backoff = { description: 'at once', delayMs: () => 1 }
    await client.subscribe('order.*', spy, { group: 'audit', concurrency: 1, retry: { backoff } })
    await client.publish('order.created', 1)
    await client.publish('order.paid', 2)
    await spy.called(3)
    expect(spy.calls.map(([body, meta]) => [body, meta.topic, meta.attempt])).toEqual(
      expect.arrayContaining([
        [1, 'order.created', 2],
        [2, 'order.paid', 1],
      ]),
    )
  })

  it('of several topics share a handler', async () => {
    await using client = new MemoryBroker({ group: 'g' })
    const spy = handlerSpy<[body: unknown]>()
    const subscription = await client.subscribe(['a', 'b'], spy)
    expect([subscription.topics, subscription.group]).toEqual([['a', 'b'], 'g'])
    await Promise.all([client.publish('a', 1), client.publish('b', 2)])
    await spy.called(2)
  })

  it('that the broker ends for good turn health red', async () => {
    const server = new MemoryServer()
    await using client = new MemoryBroker({ server })
    const subscription = await client.subscribe('a', () => undefined, { group: 'g' })
    server.deleteTopic('a')
    expect(await subscription.ended).toMatchObject({ code: 'COMM_CONSUME' })
    expect(await client.health()).toMatchObject({
      status: 'down',
      reason: expect.stringMatching(/^the subscription to a was ended by the broker: /),
    })
  })

  it('run their handlers under the policies they are given, with a signal of each pass', async () => {
    await using client = new MemoryBroker()
    const signals: AbortSignal[] = []
    const once: Stage = { name: 'once more', leave: (call) => (call.failed && call.attempt < 2 ? { afterMs: 0 } : undefined) }
    const spy = handlerSpy<[body: unknown, meta: MessageMeta]>((_, { signal }) => void signals.push(signal))
    spy.next((_, { signal }) => {
      signals.push(signal)
      throw new Error('once')
    })
    await client.subscribe('a', spy, { group: 'g', resilience: pipeline([once]) })
    await client.publish('a', 1)
    await spy.called(2)
    expect(spy.calls.map(([, { attempt }]) => attempt)).toEqual([1, 1])
    expect(signals[0]).not.toBe(signals[1])
  })
})

describe('closing', () => {
  it('works unused, disconnected and twice', async () => {
    const unused = new MemoryBroker()
    await Promise.all([unused.close(), unused.close()])
    const server = new MemoryServer()
    const client = new MemoryBroker({ server, closeTimeoutMs: 50 })
    await client.subscribe('a', () => undefined, { group: 'g' })
    server.stop()
    const lost = client.publish('a', 1).catch((error: { code: string; stored: string }) => [error.code, error.stored])
    await client.close()
    expect(await lost).toEqual(['COMM_CLOSED', 'no'])
  })

  it('leaves neither timers nor requests behind', async () => {
    const clock = new TestClock()
    const client = new MemoryBroker({ clock })
    await client.respond('never', () => new Promise(() => undefined))
    const asked = client.request('never', 1).catch((error: { code: string }) => error.code)
    await clock.advance(0)
    const closed = client.close()
    await clock.advance(10_000)
    await closed
    expect(await asked).toMatch(/COMM_CLOSED|COMM_TIMEOUT/)
    expect(clock.pendingTimers).toBe(0)
  })

  it('fits into a lifecycle, step by step', async () => {
    const server = new MemoryServer()
    const client = new MemoryBroker({ server, name: 'orders', connectOn: 'start' })
    const other = new MemoryBroker({ server })
    const finish = Promise.withResolvers<void>()
    const spy = handlerSpy<[body: unknown]>(() => finish.promise)
    await client.subscribe('a', spy, { group: 'g' })
    const lifecycle = new Lifecycle()
    lifecycle.add(client)
    await lifecycle.start()
    await other.publish('a', 1)
    await spy.called(1)
    const stopped = lifecycle.stop()
    finish.resolve()
    expect((await stopped).problems).toEqual([])
    expect(spy.running).toBe(0)
    await expect(client.start()).rejects.toMatchObject({
      code: 'COMM_CLOSED',
      message: 'orders was used after it had been closed',
    })
    await other.close()
  })
})
