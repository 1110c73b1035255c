import { type CommunicationError, PublishError } from '@comm/core'
import type { KafkaLink, OutgoingBatch, ProduceFailure } from '@comm/kafka-driver'
import type { PublishResult } from '@comm/messaging'
import { maybeStored, PublishAnswers } from '@comm/messaging/adapter'
import { TestClock } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'
import { PartitionQueue, PublishLane } from '../src/publish/publish-lane.ts'

const LARGE = 'large'
const never = new AbortController().signal
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** A link that answers when it is told to; it takes a batch whole or not at all, as Kafka does. */
class ToldLink {
  readonly requests: string[][] = []
  readonly stored: string[] = []
  #open: (() => void)[] = []
  failure: ProduceFailure | undefined

  async produce(batches: readonly OutgoingBatch[]): Promise<ProduceFailure | undefined> {
    const texts = batches.flatMap(({ messages }) => messages.map(({ partition, value }) => `${partition}:${value}`))
    this.requests.push(texts)
    await new Promise<void>((resolve) => this.#open.push(resolve))
    if (this.failure !== undefined) return this.failure
    const bad = new Set(texts.filter((text) => text.includes(LARGE)).map((text) => text.split(':')[0]))
    // A partition that has these records already knows them again.
    for (const text of texts) if (!bad.has(text.split(':')[0]) && !this.stored.includes(text)) this.stored.push(text)
    return bad.size === 0
      ? undefined
      : { stored: 'no', isOfRecord: true, error: new PublishError('too large', { retryable: false }) }
  }

  async answerAll(): Promise<void> {
    for (let idle = 0; idle < 3; idle++) {
      await turn()
      if (this.#open.length > 0) idle = 0
      for (const answer of this.#open.splice(0)) answer()
    }
  }
}

function setUp(more: { readonly isIdempotent?: boolean } = {}): {
  readonly link: ToldLink
  readonly publish: (...texts: readonly string[]) => Promise<readonly PublishResult[]>
} {
  const link = new ToldLink()
  const lane = new PublishLane({
    link: link as unknown as KafkaLink,
    clock: new TestClock(),
    batchSizeBytes: 1000,
    lingerMs: 0,
    isIdempotent: true,
    ...more,
  })
  const queues = [0, 1, 2].map(() => new PartitionQueue('topic', -1, lane, () => undefined))
  return {
    link,
    publish: (...texts) => {
      const answers = new PublishAnswers(texts.length, never, () => maybeStored(new PublishError('aborted')))
      for (const [index, text] of texts.entries()) {
        const partition = Number(text.split(':')[0])
        const message = { partition, key: null, value: Buffer.from(text.slice(2)), headers: {} }
        queues[partition]?.push({ message, bytes: 100, signal: never, answers, index })
      }
      return answers.done
    },
  }
}

const oks = (results: readonly PublishResult[]): readonly boolean[] => results.map(({ ok }) => ok)

describe('PublishLane', () => {
  it('has one request outstanding, and puts into the next what has come meanwhile', async () => {
    const { link, publish } = setUp()
    const first = [publish('0:a'), publish('1:b')]
    await turn()
    const second = [publish('0:c'), publish('2:d'), publish('0:e')]
    await turn()
    expect(link.requests).toEqual([['0:a', '1:b']])
    await link.answerAll()
    expect(link.requests).toEqual([
      ['0:a', '1:b'],
      ['0:c', '0:e', '2:d'],
    ])
    expect((await Promise.all([...first, ...second])).flatMap(oks)).toEqual([true, true, true, true, true])
  })

  it('sends no more bytes to a partition than a batch may have', async () => {
    const { link, publish } = setUp()
    const texts = Array.from({ length: 25 }, (_, index) => `0:${index}`)
    const published = publish(...texts)
    await link.answerAll()
    expect(link.requests.map(({ length }) => length)).toEqual([10, 10, 5])
    expect(link.stored).toEqual(texts)
    expect(oks(await published)).not.toContain(false)
  })

  it('an oversized record spoils no other, of its partition or of another', async () => {
    const { link, publish } = setUp()
    const published = publish('0:a', '1:b', `1:${LARGE}`, '1:c', '2:d')
    await link.answerAll()
    const results = await published
    expect(oks(results)).toEqual([true, true, false, true, true])
    expect(results[2]).toMatchObject({ stored: 'no', error: { retryable: false } })
    expect(link.stored.toSorted()).toEqual(['0:a', '1:b', '1:c', '2:d'])
  })

  it('has one partition in a request where a resend could store twice', async () => {
    const { link, publish } = setUp({ isIdempotent: false })
    const published = publish('0:a', '1:b', '0:c')
    await link.answerAll()
    expect(link.requests).toEqual([['0:a', '0:c'], ['1:b']])
    expect(oks(await published)).toEqual([true, true, true])
  })

  it('after a failure that may pass, nothing later of the same partition is stored before it is sent again', async () => {
    const { link, publish } = setUp()
    const error: CommunicationError = new PublishError('no answer', { stored: 'unknown' })
    link.failure = { stored: 'unknown', isOfRecord: false, error }
    const first = publish('0:a')
    await turn()
    const later = publish('0:b', '0:c')
    await link.answerAll()
    expect([await first, await later].flat()).toMatchObject([
      { ok: false, stored: 'unknown' },
      { ok: false, stored: 'no' },
      { ok: false, stored: 'no' },
    ])
    expect(link.requests).toEqual([['0:a']])
    link.failure = undefined
    const again = publish('0:a', '0:b')
    await link.answerAll()
    expect(oks(await again)).toEqual([true, true])
  })
})
