import { getEventListeners } from 'node:events'
import { ConnectionError, constantBackoff, exponentialBackoff, PublishError } from '@comm/core'
import { TestClock } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { OutboundRecord, PublishResult } from '../src/broker.ts'
import { PublishBuffer, type PublishBufferParts } from '../src/buffer/publish-buffer.ts'
import { BUFFER_DEFAULTS } from '../src/options/buffer-options.ts'

const OK: PublishResult = { ok: true }
const away = (): PublishResult => ({ ok: false, stored: 'no', error: new ConnectionError('the broker is away') })
const busy = (stored: 'no' | 'unknown' = 'no'): PublishResult => ({
  ok: false,
  stored,
  error: new PublishError('queue overflow', { stored }),
})
const refused = (): PublishResult => ({
  ok: false,
  stored: 'no',
  error: new PublishError('nobody takes it', { code: 'COMM_UNROUTABLE' }),
})

function record(body: string, key?: string): OutboundRecord {
  return { topic: 'order.created', body: new TextEncoder().encode(body), headers: {}, ...(key === undefined ? {} : { key }) }
}

function text({ body }: OutboundRecord): string {
  return new TextDecoder().decode(body)
}

type Answer = (
  records: readonly OutboundRecord[],
  signal: AbortSignal,
) => readonly PublishResult[] | Promise<readonly PublishResult[]>

function setUp(answer: Answer, options: Partial<PublishBufferParts['options']> = {}, keepsKeyOrderInBatch = false) {
  const clock = new TestClock()
  const requests: string[][] = []
  const buffer = new PublishBuffer({
    send: async (records, signal) => {
      requests.push(records.map(text))
      return answer(records, signal)
    },
    keepsKeyOrderInBatch,
    options: { ...BUFFER_DEFAULTS, backoff: constantBackoff({ baseMs: 100, jitter: 0 }), ...options },
    clock,
    random: () => 0,
  })
  const add = (
    body: string,
    key?: string,
    more: { signal?: AbortSignal; timeoutMs?: number; urgent?: boolean } = {},
  ): Promise<void> => buffer.publish(record(body, key), { timeoutMs: 1000, ...more })
  return { clock, buffer, add, requests }
}

/** A broker whose answers the test gives by hand. */
function byHand(): { answer: Answer; give(results: readonly PublishResult[]): void; readonly isAsked: boolean } {
  let waiting: PromiseWithResolvers<readonly PublishResult[]> | undefined
  return {
    answer: () => {
      waiting = Promise.withResolvers()
      return waiting.promise
    },
    give(results) {
      waiting?.resolve(results)
      waiting = undefined
    },
    get isAsked() {
      return waiting !== undefined
    },
  }
}

/** As `byHand`, for several requests at a time. */
function allByHand(): { answer: Answer; confirm(at: number): void } {
  const waiting: (() => void)[] = []
  return {
    answer: (records) => new Promise((resolve) => waiting.push(() => resolve(records.map(() => OK)))),
    confirm: (at) => waiting[at]?.(),
  }
}

const allOk: Answer = (records) => records.map(() => OK)
const codeOf = (error: { code: string }): string => error.code

describe('batches', () => {
  it('sends what is published in one go as one request', async () => {
    const { add, requests } = setUp(allOk)
    await Promise.all([add('a'), add('b'), add('c')])
    expect(requests).toEqual([['a', 'b', 'c']])
  })

  it('divides what waits among several requests, and sends more while they are outstanding, unless it is little', async () => {
    const broker = allByHand()
    const { add, requests, clock } = setUp(broker.answer)
    const publish = (count: number): Promise<void>[] => Array.from({ length: count }, (_, at) => add(String(at)))
    const all = publish(100)
    await clock.advance(0)
    expect(requests.map(({ length }) => length)).toEqual([25, 25, 25, 25])
    all.push(...publish(30))
    await clock.advance(0)
    expect(requests).toHaveLength(4)
    broker.confirm(0)
    await clock.advance(0)
    expect(requests.slice(4).map(({ length }) => length)).toEqual([27])
    broker.confirm(1)
    await clock.advance(0)
    // Three records are too few while 77 are in flight.
    expect(requests).toHaveLength(5)
    for (const at of [2, 3, 4]) broker.confirm(at)
    await clock.advance(0)
    expect(requests.slice(5).map(({ length }) => length)).toEqual([3])
    broker.confirm(5)
    await Promise.all(all)
  })

  it('sends a record at once while a small request is outstanding', async () => {
    const broker = allByHand()
    const { add, requests, clock } = setUp(broker.answer)
    const first = add('a')
    await clock.advance(0)
    const second = add('b')
    await clock.advance(0)
    expect(requests).toEqual([['a'], ['b']])
    broker.confirm(1)
    await second
    broker.confirm(0)
    await first
  })

  it('never has two requests with records of one key', async () => {
    for (const keepsOrder of [false, true]) {
      const broker = allByHand()
      const { add, requests, clock } = setUp(broker.answer, {}, keepsOrder)
      const all = [add('a1', 'a')]
      await clock.advance(0)
      all.push(add('a2', 'a'), add('b1', 'b'), add('a3', 'a'))
      await clock.advance(0)
      expect(requests).toEqual([['a1'], ['b1']])
      broker.confirm(0)
      await clock.advance(0)
      expect(requests.slice(2)).toEqual(keepsOrder ? [['a2', 'a3']] : [['a2']])
      for (const at of [1, 2, 3]) {
        broker.confirm(at)
        await clock.advance(0)
      }
      await Promise.all(all)
    }
  })

  it('keeps to maxBatch, and to a mebibyte unless one record is larger', async () => {
    const { add, requests } = setUp(allOk, { maxBatch: 2 })
    await Promise.all(['a', 'b', 'c'].map((body) => add(body)))
    expect(requests.map(({ length }) => length)).toEqual([2, 1])
    const large = setUp(allOk)
    await Promise.all(['x', 'y', 'z'].map((letter) => large.add(letter.repeat(700_000))))
    expect(large.requests.map(({ length }) => length)).toEqual([1, 1, 1])
  })

  it('puts one record of a key into a request, unless the broker keeps their order in it', async () => {
    const strict = setUp(allOk)
    await Promise.all([strict.add('a1', 'a'), strict.add('a2', 'a'), strict.add('b1', 'b')])
    expect(strict.requests).toEqual([['a1', 'b1'], ['a2']])
    const prefix = setUp(allOk, {}, true)
    await Promise.all([prefix.add('a1', 'a'), prefix.add('a2', 'a'), prefix.add('b1', 'b')])
    expect(prefix.requests).toEqual([['a1', 'a2', 'b1']])
  })
})

describe('resends', () => {
  it('sends a refused record again before later ones of its key, and lets other keys pass', async () => {
    let refusals = 1
    const { add, requests, clock } = setUp((records) =>
      records.map((sent) => (text(sent) === 'a1' && refusals-- > 0 ? busy() : OK)),
    )
    const all = Promise.all([add('a1', 'a'), add('a2', 'a'), add('b1', 'b'), add('b2', 'b')])
    await clock.advance(0)
    expect(requests).toEqual([['a1', 'b1'], ['b2']])
    await clock.advance(100)
    await all
    expect(requests).toEqual([['a1', 'b1'], ['b2'], ['a1'], ['a2']])
  })

  it('a record refused only for standing behind another of its key waits no longer than that one', async () => {
    const backoff = exponentialBackoff({ baseMs: 100, maxMs: 60_000, jitter: 0 })
    // Each request stores one record and refuses the next, and with it all behind it.
    const { clock, add, requests } = setUp((records) => records.map((_, index) => (index === 0 ? OK : busy())), { backoff }, true)
    const published = Promise.all(Array.from({ length: 8 }, (_, at) => add(String(at), 'a', { timeoutMs: 5000 })))
    await clock.advance(800)
    await published
    expect(requests.map(([first]) => first)).toEqual(['0', '1', '2', '3', '4', '5', '6', '7'])
  })

  it('settles the publishes of a request in their order', async () => {
    const { add } = setUp((records) => records.map((sent) => (text(sent) === 'b' ? refused() : OK)))
    const settled: string[] = []
    await Promise.all(
      ['a', 'b', 'c', 'd'].map((body) =>
        add(body).then(
          () => settled.push(body),
          () => settled.push(body),
        ),
      ),
    )
    expect(settled).toEqual(['a', 'b', 'c', 'd'])
  })

  it('rejects only the record that is refused for good', async () => {
    const { add } = setUp((records) => records.map((sent) => (text(sent) === 'b' ? refused() : OK)))
    const results = await Promise.allSettled([add('a'), add('b'), add('c')])
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    await expect(add('b')).rejects.toMatchObject({ code: 'COMM_UNROUTABLE', stored: 'no' })
  })

  it('asks a broker that is away less and less often, and sends everything in order when it is back', async () => {
    let isAway = true
    const { add, requests, clock } = setUp((records) => records.map(() => (isAway ? away() : OK)))
    const all = Promise.all(['a', 'b', 'c'].map((body) => add(body, body, { timeoutMs: 60_000 })))
    await clock.advance(10_000)
    expect(requests.length).toBeLessThan(12)
    isAway = false
    await clock.advance(2000)
    await all
    expect(requests.at(-1)).toEqual(['a', 'b', 'c'])
    expect(clock.pendingTimers).toBe(0)
  })

  it('asks a broker that is away with one request at a time, and counts one outage once', async () => {
    let isAway = true
    let mostOutstanding = 0
    let outstanding = 0
    const { add, requests, clock } = setUp(async (records) => {
      mostOutstanding = Math.max(mostOutstanding, ++outstanding)
      await Promise.resolve()
      outstanding--
      return records.map(() => (isAway ? away() : OK))
    })
    const all = Promise.all(Array.from({ length: 100 }, (_, at) => add(String(at), undefined, { timeoutMs: 60_000 })))
    await clock.advance(0)
    expect(requests).toHaveLength(4)
    mostOutstanding = 0
    // One outage so far: the next try is soon.
    await clock.advance(50)
    expect(requests).toHaveLength(5)
    await clock.advance(5000)
    expect(mostOutstanding).toBe(1)
    isAway = false
    await clock.advance(2000)
    await all
  })

  it('treats a send that throws as an answer that did not come', async () => {
    let isBroken = true
    const { add, clock } = setUp((records) => {
      if (isBroken) throw new ConnectionError('cut')
      return records.map(() => OK)
    })
    const sent = add('a')
    await clock.advance(10)
    isBroken = false
    await clock.advance(100)
    await sent
  })

  it('keeps the order of every key through any row of refusals, and settles every publish', async () => {
    const fate = fc.constantFrom<'ok' | 'no' | 'unknown' | 'unknown but stored' | 'away'>(
      'ok',
      'ok',
      'ok',
      'no',
      'unknown',
      'unknown but stored',
      'away',
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 40 }),
        fc.infiniteStream(fate),
        async (keys, fates) => {
          const stored: string[] = []
          const { add, clock } = setUp((records) => {
            const outage = fates.next().value === 'away'
            return records.map((sent) => {
              const what = outage ? 'away' : fates.next().value
              if (what === 'ok' || what === 'unknown but stored') stored.push(text(sent))
              return what === 'ok' ? OK : what === 'away' ? away() : busy(what === 'no' ? 'no' : 'unknown')
            })
          })
          const all = Promise.all(keys.map((key, index) => add(`${key}:${index}`, String(key), { timeoutMs: 1e9 })))
          await clock.advance(1e6)
          await all
          for (const key of new Set(keys)) {
            const firsts = [...new Set(stored.filter((body) => body.startsWith(`${key}:`)))]
            expect(firsts).toEqual(keys.flatMap((each, index) => (each === key ? [`${key}:${index}`] : [])))
          }
          expect(clock.pendingTimers).toBe(0)
        },
      ),
      { numRuns: 60 },
    )
  })
})

describe('bounds', () => {
  it('block: waits for room, in order', async () => {
    const broker = byHand()
    const { add, clock, buffer, requests } = setUp(broker.answer, { maxMessages: 2 })
    const all = Promise.all(['a', 'b', 'c', 'd'].map((body) => add(body)))
    await clock.advance(0)
    expect(buffer.size.messages).toBe(2)
    broker.give([OK, OK])
    await clock.advance(0)
    broker.give([OK, OK])
    await all
    expect(requests).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ])
  })

  it('block: fails with COMM_BUFFER_FULL when no room is made in time', async () => {
    const { add, clock } = setUp(byHand().answer, { maxMessages: 1 })
    const settled = Promise.allSettled([add('a', undefined, { timeoutMs: 5000 }), add('b')])
    await clock.advance(1000)
    await clock.advance(4000)
    const [first, second] = await settled
    expect(second).toMatchObject({ reason: { code: 'COMM_BUFFER_FULL', stored: 'no' } })
    expect(first).toMatchObject({ reason: { code: 'COMM_PUBLISH', stored: 'unknown' } })
  })

  it('reject: fails at once', async () => {
    const { add } = setUp(byHand().answer, { maxMessages: 1, whenFull: 'reject' })
    void add('a').catch(() => undefined)
    await expect(add('b')).rejects.toMatchObject({
      code: 'COMM_BUFFER_FULL',
      message: 'a message for order.created was refused: the publish buffer is full (1 of 1 messages, 1 of 67108864 bytes)',
    })
  })

  it('dropOldest: drops the oldest that is not being sent, never one of our own', async () => {
    const { add, clock, buffer } = setUp(byHand().answer, { maxMessages: 3, whenFull: 'dropOldest' })
    const sending = add('sending').catch(codeOf)
    await clock.advance(0)
    const urgent = add('retry', undefined, { urgent: true }).catch(codeOf)
    const old = add('old').catch(codeOf)
    const young = add('young').catch(codeOf)
    expect(await old).toBe('COMM_BUFFER_FULL')
    expect(buffer.size.messages).toBe(3)
    await clock.advance(1000)
    expect(await Promise.all([sending, urgent, young])).toEqual(['COMM_PUBLISH', 'COMM_PUBLISH', 'COMM_PUBLISH'])
  })

  it('dropOldest: drops nothing for one that would have no room even so, and no more than has to be for another', async () => {
    const { add, clock, buffer } = setUp(byHand().answer, { maxBytes: 10, whenFull: 'dropOldest' })
    const sending = add('sent').catch(codeOf)
    await clock.advance(0)
    const waiting = ['a', 'b', 'c'].map((each) => add(each).catch(codeOf))
    const tooLarge = add('seven..').catch(codeOf)
    expect(buffer.size).toEqual({ messages: 4, bytes: 7 })
    const fits = add('five.').catch(codeOf)
    expect(await tooLarge).toBe('COMM_BUFFER_FULL')
    expect(await Promise.all(waiting.slice(0, 2))).toEqual(['COMM_BUFFER_FULL', 'COMM_BUFFER_FULL'])
    expect(buffer.size).toEqual({ messages: 3, bytes: 10 })
    await clock.advance(1000)
    expect(await Promise.all([sending, waiting[2], fits])).toEqual(['COMM_PUBLISH', 'COMM_PUBLISH', 'COMM_PUBLISH'])
  })

  it('counts bytes, and lets a record larger than the buffer into an empty one', async () => {
    const { add, buffer } = setUp(byHand().answer, { maxBytes: 10, whenFull: 'reject' })
    void add('x'.repeat(100)).catch(() => undefined)
    expect(buffer.size.bytes).toBe(100)
    await expect(add('y')).rejects.toMatchObject({ code: 'COMM_BUFFER_FULL' })
  })

  it('stays flat in an outage, and settles every publish', async () => {
    const { add, clock, buffer } = setUp((records) => records.map(away), { maxMessages: 100, whenFull: 'dropOldest' })
    let settled = 0
    for (let index = 0; index < 5000; index++) {
      void add(String(index), 'key').catch(() => settled++)
      expect(buffer.size.messages).toBeLessThanOrEqual(100)
    }
    await clock.advance(1001)
    expect(settled).toBe(5000)
    expect(buffer.size).toEqual({ messages: 0, bytes: 0 })
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('a record that is never answered', () => {
  const neverA = (isAway: () => boolean = () => false): Answer => {
    return (records) => {
      if (isAway()) return records.map(away)
      return records.some((each) => text(each).startsWith('A')) ? new Promise(() => undefined) : records.map(() => OK)
    }
  }
  const patient = { timeoutMs: 60_000 }

  it('holds up others for two seconds at most, however large its request', async () => {
    const { add, clock } = setUp(neverA())
    const hung = Array.from({ length: 100 }, (_, at) => add(`A${at}`, undefined, patient).catch(codeOf))
    await clock.advance(0)
    let confirmed = 0
    for (let at = 0; at < 3; at++) void add(`b${at}`, undefined, patient).then(() => confirmed++)
    await clock.advance(0)
    expect(confirmed).toBe(0)
    await clock.advance(2000)
    expect(confirmed).toBe(3)
    await add('b', undefined, patient)
    await clock.advance(60_000)
    expect(new Set(await Promise.all(hung))).toEqual(new Set(['COMM_PUBLISH']))
    expect(clock.pendingTimers).toBe(0)
  })

  it('does not hold up others after an outage either', async () => {
    let isAway = true
    const { add, clock } = setUp(neverA(() => isAway))
    const hung = add('A', undefined, patient).catch(codeOf)
    await clock.advance(1000)
    isAway = false
    await clock.advance(2000)
    const others = Array.from({ length: 100 }, (_, at) => add(`b${at}`, undefined, patient))
    await clock.advance(2000)
    await Promise.all(others)
    await clock.advance(60_000)
    expect(await hung).toBe('COMM_PUBLISH')
  })

  it('keeps back later ones of its lane, and is asked for no more than twenty times at once', async () => {
    const { add, clock, requests } = setUp(neverA(), { maxBatch: 1 })
    const all = ['A', 'b'].map((body) => add(body, 'key', patient).catch(codeOf))
    for (let at = 0; at < 100; at++) all.push(add(`A${at}`, undefined, patient).catch(codeOf))
    await clock.advance(50_000)
    expect(requests.flat()).not.toContain('b')
    expect(requests).toHaveLength(16)
    await clock.advance(60_000)
    expect(new Set(await Promise.all(all))).toEqual(new Set(['COMM_PUBLISH']))
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('deadlines and aborts', () => {
  it('a request that hangs is aborted when nobody waits for it, and does not hold up the next', async () => {
    let hangs = true
    const signals: AbortSignal[] = []
    const { add, clock } = setUp((records, signal) => {
      signals.push(signal)
      return hangs ? new Promise(() => undefined) : records.map(() => OK)
    })
    const lost = add('a')
    await clock.advance(0)
    hangs = false
    const waiting = add('b', undefined, { timeoutMs: 5000 })
    const failed = lost.catch((error: PublishError) => [error.code, error.stored, error.message])
    await clock.advance(1000)
    expect(await failed).toEqual([
      'COMM_PUBLISH',
      'unknown',
      'a message for order.created was not confirmed within 1000 ms: the broker did not answer',
    ])
    expect(signals[0]?.aborted).toBe(true)
    await waiting
  })

  it('says what the broker answered last when time is up', async () => {
    const { add, clock } = setUp((records) => records.map(away))
    const failed = add('a').catch((error: PublishError) => error)
    await clock.advance(1000)
    expect(await failed).toMatchObject({ stored: 'no', message: expect.stringContaining('within 1000 ms: the broker is away') })
  })

  it('a deadline holds for who publishes long after it was set for somebody else, and keeps no process alive meanwhile', async () => {
    const { clock, add } = setUp((records) => (text(records[0] as OutboundRecord) === 'a' ? [OK] : new Promise(() => undefined)))
    await add('a')
    expect([clock.pendingTimers, clock.nextTimerInMs]).toEqual([0, 1000])
    await clock.advance(400)
    const late = add('b')
    expect(clock.pendingTimers).toBe(1)
    const settled = Promise.allSettled([late])
    await clock.advance(999)
    await expect(Promise.race([settled, 'waiting'])).resolves.toBe('waiting')
    await clock.advance(1)
    expect(await settled).toMatchObject([{ reason: { message: expect.stringContaining('not confirmed within 1000 ms') } }])
    expect(clock.pendingTimers).toBe(0)
  })

  it('closing leaves no timer', async () => {
    const { clock, buffer, add } = setUp(() => [OK])
    await add('a')
    buffer.close(new ConnectionError('over'))
    expect(clock.nextTimerInMs).toBeUndefined()
  })

  it('gives a signal to a later request only if nobody has aborted it', async () => {
    const signals: AbortSignal[] = []
    const { clock, add } = setUp((records, signal) => {
      signals.push(signal)
      return text(records[0] as OutboundRecord) === 'hangs' ? new Promise(() => undefined) : [OK]
    })
    for (const body of ['a', 'hangs', 'b', 'c']) {
      const settled = Promise.allSettled([add(body)])
      await clock.advance(1000)
      await settled
    }
    const [a, hangs, b, c] = signals
    expect([a === hangs, b === hangs, c === b, hangs?.aborted, c?.aborted]).toEqual([true, false, true, true, false])
  })

  it('an abort withdraws what waits, and leaves no listener', async () => {
    const { add, clock, requests } = setUp((records) => records.map(away))
    const { signal, abort } = controller()
    const done = add('first', undefined, { signal }).catch(codeOf)
    await clock.advance(0)
    abort()
    expect(await done).toBe('COMM_ABORTED')
    await clock.advance(10_000)
    expect(requests).toEqual([['first']])
    expect(getEventListeners(signal, 'abort')).toEqual([])
    expect(clock.pendingTimers).toBe(0)
  })

  it('an abort before the publish sends nothing', async () => {
    const { add, requests } = setUp(allOk)
    await expect(add('a', undefined, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'COMM_ABORTED',
      details: { stored: 'no' },
    })
    expect(requests).toEqual([])
  })

  it('a confirmed publish leaves no listener', async () => {
    const { add } = setUp(allOk)
    const { signal } = controller()
    await add('a', undefined, { signal })
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })
})

describe('flush and close', () => {
  it('flush waits for what is there, at most until its signal aborts', async () => {
    const broker = byHand()
    const { add, buffer, clock } = setUp(broker.answer)
    await buffer.flush()
    void add('a').catch(() => undefined)
    const { signal, abort } = controller()
    const interrupted = buffer.flush(signal)
    abort()
    await expect(interrupted).rejects.toBe(signal.reason)
    expect(getEventListeners(signal, 'abort')).toEqual([])
    const flushed = buffer.flush()
    await clock.advance(0)
    broker.give([OK])
    await flushed
  })

  it('close fails what is left, each knowing whether the broker may have it', async () => {
    const { add, buffer, clock } = setUp(byHand().answer)
    const stored = (error: PublishError): unknown[] => [error.code, error.stored]
    const settled = [add('a1', 'a').catch(stored), add('a2', 'a').catch(stored)]
    await clock.advance(0)
    buffer.close(new PublishError('it was closed', { code: 'COMM_CLOSED' }))
    expect(await Promise.all(settled)).toEqual([
      ['COMM_CLOSED', 'unknown'],
      ['COMM_CLOSED', 'no'],
    ])
    await expect(add('c')).rejects.toMatchObject({ code: 'COMM_CLOSED' })
    expect(clock.pendingTimers).toBe(0)
  })
})

function controller(): { signal: AbortSignal; abort: () => void } {
  const made = new AbortController()
  return { signal: made.signal, abort: () => made.abort() }
}
