import {
  type Admission,
  AuthenticationError,
  AuthorizationError,
  constantBackoff,
  currentPrincipal,
  type IncomingMessage,
  type MessageGuard,
  type OutgoingMessage,
  type Principal,
  ServiceUnavailableError,
} from '@comm/core'
import { MemoryBroker } from '@comm/messaging'
import { TestClock, waitFor } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'

const ada: Principal = { subject: 'ada', method: 'test', scopes: [], roles: [], attributes: {} }

function setUp(...guards: readonly MessageGuard[]) {
  const clock = new TestClock()
  const broker = new MemoryBroker({ clock, guards, group: 'g' })
  return { clock, broker, letters: broker.deadLetters('a', 'g') }
}

describe('guards of a message client', () => {
  it('add headers to what goes out, and see them on what comes in', async () => {
    const seen: IncomingMessage[] = []
    const sent: OutgoingMessage[] = []
    const stamp: MessageGuard = {
      outgoing: (message) => {
        sent.push(message)
        return { stamp: `${message.topic}:${message.body.length}` }
      },
      incoming: (message) => {
        seen.push(message)
        return { principal: ada }
      },
    }
    const { broker } = setUp(stamp)
    const handled: unknown[] = []
    await broker.subscribe('a', (body, meta) => void handled.push([body, meta.principal, currentPrincipal()]))
    await broker.publish('a', { id: 7 })
    await waitFor(() => handled.length === 1)
    expect(handled).toEqual([[{ id: 7 }, ada, ada]])
    expect(sent[0]?.headers['stamp']).toBeUndefined()
    expect(seen[0]).toMatchObject({ topic: 'a', group: 'g', redelivered: false, headers: { stamp: 'a:8' } })
    await broker.close()
  })

  it('keep the order in which messages were sent, however long one takes', async () => {
    const gates: (() => void)[] = []
    const slow: MessageGuard = {
      outgoing: ({ body }) =>
        String(Buffer.from(body)) === '2' ? {} : new Promise((resolve) => gates.push(() => resolve({ slow: 'yes' }))),
    }
    const { broker } = setUp(slow)
    const handled: unknown[] = []
    await broker.subscribe('a', (body) => void handled.push(body))
    const published = [1, 2, 3].map((body) => broker.publish('a', body, { key: 'k' }))
    let isFlushed = false
    const flushed = broker.flush().then(() => {
      isFlushed = true
    })
    gates[1]?.()
    await new Promise(setImmediate)
    expect([handled, isFlushed]).toEqual([[], false])
    gates[0]?.()
    await Promise.all([...published, flushed])
    await waitFor(() => handled.length === 3)
    expect(handled).toEqual([1, 2, 3])
    await broker.close()
  })

  it('fail a publish that they refuse, and those behind it go on', async () => {
    const picky: MessageGuard = {
      outgoing: async ({ body }) => {
        if (String(Buffer.from(body)) === '1') throw new AuthorizationError('not this one')
        return {}
      },
    }
    const { broker } = setUp(picky)
    const unroutable = 'ignore' as const
    const results = await Promise.allSettled([1, 2].map((body) => broker.publish('a', body, { unroutable })))
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
    expect(results[0]).toMatchObject({ reason: { code: 'COMM_AUTHORIZATION' } })
    await broker.close()
  })

  it('put what they refuse into the dead-letter topic, unread', async () => {
    const { broker, letters } = setUp({
      incoming: () => {
        throw new AuthenticationError('nobody knows this key')
      },
    })
    const handled: unknown[] = []
    await broker.subscribe('a', (body) => void handled.push(body))
    await broker.publish('a', 1)
    await waitFor(async () => (await letters.count()) === 1)
    expect(await letters.list()).toMatchObject([
      { reason: 'refused', code: 'COMM_AUTHENTICATION', message: 'nobody knows this key' },
    ])
    expect(handled).toEqual([])
    await broker.close()
  })

  it('let a message come again when they cannot tell now', async () => {
    let asked = 0
    const { broker, clock, letters } = setUp({
      incoming: () => {
        if (++asked < 3) throw new ServiceUnavailableError('the provider is away')
        return {}
      },
    })
    const handled: unknown[] = []
    await broker.subscribe('a', (body, { attempt }) => void handled.push([body, attempt]))
    await broker.publish('a', 1)
    await waitFor(async () => {
      await clock.advance(1000)
      return handled.length === 1
    })
    expect([handled, asked, await letters.count()]).toEqual([[[1, 1]], 3, 0])
    await broker.close()
  })

  it('are told whether the message was handled, before it comes again', async () => {
    const told: boolean[] = []
    const admission: Admission = { settled: (handled) => void told.push(handled) }
    const { broker, clock } = setUp({ incoming: () => admission })
    let attempts = 0
    const retry = { backoff: constantBackoff({ baseMs: 1000, jitter: 0 }) }
    const onceFailing = (): void => {
      if (++attempts === 1) throw new Error('once')
    }
    await broker.subscribe('a', onceFailing, { retry })
    await broker.publish('a', 1)
    await waitFor(async () => {
      await clock.advance(1000)
      return told.length === 2
    })
    expect(told).toEqual([false, true])
    await broker.close()
  })

  it('have a duplicate acknowledged unhandled, and refuse a subscription', async () => {
    const { broker } = setUp({
      incoming: () => ({ isDuplicate: true }),
      subscribing: (topics) => {
        if (topics.includes('secret')) throw new AuthorizationError('not yours')
      },
    })
    const handled: unknown[] = []
    const handler = (body: unknown): void => void handled.push(body)
    await broker.subscribe('a', handler)
    await broker.publish('a', 1)
    await waitFor(() => broker.stats.deduplicated === 1)
    expect(handled).toEqual([])
    await expect(broker.subscribe('secret', handler)).rejects.toMatchObject({ code: 'COMM_AUTHORIZATION' })
    await broker.close()
  })

  it('guard requests and replies too, and tell a refused requester nothing', async () => {
    const topics: string[] = []
    const { broker } = setUp({
      incoming: ({ topic }) => {
        topics.push(topic.startsWith('reply.') ? 'reply' : topic)
        if (topic === 'closed') throw new AuthenticationError('the key k1 is not known')
        return {}
      },
    })
    await broker.respond('open', (body) => body)
    await broker.respond('closed', (body) => body)
    expect(await broker.request('open', 7)).toBe(7)
    await expect(broker.request('closed', 7)).rejects.toMatchObject({
      code: 'COMM_AUTHENTICATION',
      message: expect.not.stringContaining('k1'),
    })
    expect(topics).toEqual(['open', 'reply', 'closed', 'reply'])
    await broker.close()
  })

  it.each([true, false])('decide whether a responder hears that its requester gave up (%s)', async (lets) => {
    const { broker } = setUp({
      incoming: ({ topic }) => {
        if (topic.endsWith('.cancel') && !lets) throw new AuthenticationError('nobody knows who says so')
        return {}
      },
    })
    const began = Promise.withResolvers<AbortSignal>()
    const goOn = Promise.withResolvers<void>()
    await broker.respond('slow', async (_body, { signal }) => {
      began.resolve(signal)
      await goOn.promise
    })
    const caller = new AbortController()
    const asked = broker.request('slow', 7, { signal: caller.signal }).catch((error: unknown) => error)
    const signal = await began.promise
    caller.abort()
    expect(await asked).toMatchObject({ code: 'COMM_ABORTED' })
    await broker.flush()
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
    expect(signal.aborted).toBe(lets)
    goOn.resolve()
    await broker.close()
  })
})
