import { ConnectionError, constantBackoff, PublishError } from '@comm/core'
import { TestClock } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { OutboundRecord, PublishResult } from '../src/broker.ts'
import { PublishBuffer } from '../src/buffer/publish-buffer.ts'
import { BUFFER_DEFAULTS } from '../src/options/buffer-options.ts'

type Fate = 'ok' | 'refused' | 'unknown' | 'unknown but stored' | 'refused for good'
type Answer = 'each' | 'away' | 'throws' | 'hangs'

interface Publish {
  readonly key: string | undefined
  readonly afterMs: number
  readonly timeoutMs: number
  readonly abortAfterMs: number | undefined
  readonly urgent: boolean
}

interface Run {
  readonly publishes: readonly Publish[]
  readonly answers: Iterator<Answer>
  readonly fates: Iterator<Fate>
  readonly delaysMs: Iterator<number>
  readonly keepsKeyOrderInBatch: boolean
  readonly maxMessages: number
  readonly whenFull: 'block' | 'reject' | 'dropOldest'
}

const LONG_MS = 10_000_000

const publish: fc.Arbitrary<Publish> = fc.record({
  key: fc.option(fc.constantFrom('a', 'b', 'c'), { nil: undefined, freq: 3 }),
  afterMs: fc.constantFrom(0, 0, 0, 1, 20),
  timeoutMs: fc.constantFrom(LONG_MS, LONG_MS, LONG_MS, 30, 200),
  abortAfterMs: fc.option(fc.integer({ min: 0, max: 100 }), { nil: undefined, freq: 8 }),
  urgent: fc.boolean(),
})

function runs(most: { publishes: number; hangs: boolean }): fc.Arbitrary<Run> {
  const answers: Answer[] = ['each', 'each', 'each', 'each', 'each', 'away', 'throws']
  return fc.record({
    publishes: fc.array(publish, { minLength: 1, maxLength: most.publishes }),
    answers: fc.infiniteStream(fc.constantFrom<Answer>(...answers, ...(most.hangs ? (['hangs'] as const) : []))),
    fates: fc.infiniteStream(
      fc.constantFrom<Fate>('ok', 'ok', 'ok', 'ok', 'refused', 'unknown', 'unknown but stored', 'refused for good'),
    ),
    delaysMs: fc.infiniteStream(fc.constantFrom(0, 0, 1, 5, 30)),
    keepsKeyOrderInBatch: fc.boolean(),
    maxMessages: fc.constantFrom(2, 5, 1000),
    whenFull: fc.constantFrom('block', 'reject', 'dropOldest'),
  })
}

/** A broker that answers out of order, late, wrongly or never, and keeps a log of what it stored. */
class ModelBroker {
  readonly log: string[] = []
  readonly violations: string[] = []
  readonly #run: Run
  readonly #clock: TestClock
  readonly #keysOut = new Map<string, number>()

  constructor(run: Run, clock: TestClock) {
    this.#run = run
    this.#clock = clock
  }

  readonly publish = async (records: readonly OutboundRecord[], signal: AbortSignal): Promise<readonly PublishResult[]> => {
    const keys = records.flatMap(({ key }) => key ?? [])
    if (!this.#run.keepsKeyOrderInBatch && new Set(keys).size < keys.length) this.violations.push(`twice in a request: ${keys}`)
    if (records.length === 0) this.violations.push('an empty request')
    for (const key of new Set(keys)) {
      if (this.#keysOut.has(key)) this.violations.push(`in two requests: ${key}`)
      this.#keysOut.set(key, 1)
    }
    // Once it is aborted nobody waits for any of its records, and their keys may go on.
    const release = (): void => {
      for (const key of keys) this.#keysOut.delete(key)
      keys.length = 0
    }
    signal.addEventListener('abort', release)
    try {
      return await this.#answer(records, signal)
    } finally {
      release()
    }
  }

  async #answer(records: readonly OutboundRecord[], signal: AbortSignal): Promise<readonly PublishResult[]> {
    const how = this.#run.answers.next().value
    await this.#pause()
    const unknown = (): PublishResult => ({ ok: false, stored: 'unknown', error: new PublishError('?', { stored: 'unknown' }) })
    if (how === 'away') return records.map(() => ({ ok: false, stored: 'no', error: new ConnectionError('the broker is away') }))
    if (how === 'throws') throw new ConnectionError('cut')
    if (how === 'hangs') return new Promise((resolve) => signal.addEventListener('abort', () => resolve(records.map(unknown))))
    if (signal.aborted) return records.map(unknown)
    const heldKeys = new Set<string | undefined>()
    const results = records.map((record): PublishResult => {
      const fate = this.#run.fates.next().value
      const isHeld = this.#run.keepsKeyOrderInBatch && record.key !== undefined && heldKeys.has(record.key)
      if (isHeld || fate === 'refused') {
        heldKeys.add(record.key)
        return { ok: false, stored: 'no', error: new PublishError('queue overflow') }
      }
      if (fate === 'unknown') {
        heldKeys.add(record.key)
        return unknown()
      }
      if (fate === 'refused for good')
        return { ok: false, stored: 'no', error: new PublishError('nobody takes it', { code: 'COMM_UNROUTABLE' }) }
      this.log.push(textOf(record))
      if (fate === 'ok') return { ok: true }
      heldKeys.add(record.key)
      return unknown()
    })
    await this.#pause()
    return results
  }

  #pause(): Promise<void> {
    const ms = this.#run.delaysMs.next().value as number
    return ms === 0 ? Promise.resolve() : new Promise((resolve) => void this.#clock.setTimer(ms, resolve))
  }
}

function textOf({ body }: OutboundRecord): string {
  return new TextDecoder().decode(body)
}

interface Settled {
  readonly at: number
  readonly key: string | undefined
  readonly urgent: boolean
  readonly code: string
}

/** Plays a run to its end. @returns what became of each publish, by index */
async function play(run: Run): Promise<{ broker: ModelBroker; settled: Map<number, Settled[]>; clock: TestClock }> {
  const clock = new TestClock()
  const broker = new ModelBroker(run, clock)
  const buffer = new PublishBuffer({
    send: broker.publish,
    keepsKeyOrderInBatch: run.keepsKeyOrderInBatch,
    options: {
      ...BUFFER_DEFAULTS,
      maxMessages: run.maxMessages,
      whenFull: run.whenFull,
      backoff: constantBackoff({ baseMs: 10, jitter: 0 }),
    },
    clock,
    random: () => 0,
  })
  const settled = new Map<number, Settled[]>()
  let urgent = 0
  for (const [at, { key, afterMs, timeoutMs, abortAfterMs, urgent: isUrgent }] of run.publishes.entries()) {
    if (afterMs > 0) await clock.advance(afterMs)
    const record: OutboundRecord = {
      topic: 'order.created',
      body: new TextEncoder().encode(String(at)),
      headers: {},
      ...(key === undefined ? {} : { key }),
    }
    settled.set(at, [])
    if (isUrgent) urgent++
    const settle = (code: string): void => {
      settled.get(at)?.push({ at, key, urgent: isUrgent, code })
      if (isUrgent) urgent--
    }
    const gone = new AbortController()
    if (abortAfterMs !== undefined) clock.setTimer(abortAfterMs, () => gone.abort())
    buffer.add(
      record,
      { timeoutMs, urgent: isUrgent, signal: gone.signal },
      { confirmed: () => settle('confirmed'), failed: ({ code }) => settle(code) },
    )
    expect(buffer.size.messages).toBeLessThanOrEqual(run.maxMessages + urgent)
  }
  await clock.advance(LONG_MS / 2)
  await clock.advance(LONG_MS)
  expect(buffer.size).toEqual({ messages: 0, bytes: 0 })
  return { broker, settled, clock }
}

describe('the publish buffer against a model broker', () => {
  it('settles each publish once, keeps the order of every key, loses nothing, leaves no timer', async () => {
    await fc.assert(
      fc.asyncProperty(runs({ publishes: 60, hangs: true }), async (run) => {
        const { broker, settled, clock } = await play(run)
        expect(broker.violations).toEqual([])
        expect([...settled.values()].filter(({ length }) => length !== 1)).toEqual([])
        const confirmed = [...settled.values()].flat().filter(({ code }) => code === 'confirmed')
        const stored = new Set(broker.log)
        expect(confirmed.filter(({ at }) => !stored.has(String(at)))).toEqual([])
        for (const key of ['a', 'b', 'c']) {
          // An urgent record goes past those that wait for room.
          for (const urgent of [false, true]) {
            const ofKey = confirmed.filter((each) => each.key === key && each.urgent === urgent).map(({ at }) => String(at))
            expect([...stored].filter((at) => ofKey.includes(at))).toEqual(ofKey)
          }
        }
        expect(clock.pendingTimers).toBe(0)
      }),
      { numRuns: 300 },
    )
  })

  it('confirms everything that has time and is not refused for good', async () => {
    await fc.assert(
      fc.asyncProperty(runs({ publishes: 60, hangs: false }), async (run) => {
        const patient = run.publishes.map((each) => ({ ...each, timeoutMs: LONG_MS, abortAfterMs: undefined }))
        const { settled } = await play({ ...run, publishes: patient, whenFull: 'block' })
        for (const [outcome] of settled.values()) expect(['confirmed', 'COMM_UNROUTABLE']).toContain(outcome?.code)
      }),
      { numRuns: 100 },
    )
  })
})
