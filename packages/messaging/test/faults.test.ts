import { constantBackoff, MemoryDedupStore } from '@comm/core'
import { type Delivery, MemoryBrokerAdapter, MemoryServer, MessageClient } from '@comm/messaging'
import { FaultyAdapter, seededRandom, waitFor } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'

const MESSAGES = 10_000
const KEYS = 50
const RATIOS = {
  duplicate: 0.02,
  drop: 0.02,
  delay: 0.02,
  reorder: 0.05,
  refuse: 0.02,
  unknown: 0.02,
  disconnect: 0.001,
  delayMs: 2,
  outageMs: 2,
}
const FAULTS = ['duplicate', 'drop', 'delay', 'reorder', 'refuse', 'unknown', 'disconnect'] as const
const { signal } = new AbortController()

/** What was handled: each message once, in the order of the first time, by key. */
class Handled {
  readonly #numbers = new Map<string, Set<number>>()
  size = 0
  calls = 0

  add(key: string, number: number): void {
    this.calls++
    const numbers = this.#numbers.get(key) ?? new Set()
    this.#numbers.set(key, numbers)
    this.size -= numbers.size
    this.size += numbers.add(number).size
  }

  outOfOrder(): readonly string[] {
    return [...this.#numbers].flatMap(([key, numbers]) => {
      const list = [...numbers]
      return list.every((number, index) => number === index) ? [] : [`${key}: ${list.slice(0, 20).join(', ')} …`]
    })
  }
}

async function faultyPair(seed: number): Promise<{ publisher: FaultyAdapter; consumer: FaultyAdapter }> {
  const server = new MemoryServer()
  const publisher = new FaultyAdapter(new MemoryBrokerAdapter({ server }), { ...RATIOS, seed })
  const consumer = new FaultyAdapter(new MemoryBrokerAdapter({ server }), { ...RATIOS, seed: seed + 1 })
  await Promise.all([publisher.connect(signal), consumer.connect(signal)])
  return { publisher, consumer }
}

function happened(...adapters: readonly FaultyAdapter[]): readonly string[] {
  return FAULTS.filter((fault) => adapters.some(({ counts }) => counts[fault] > 0))
}

describe('10,000 messages with faults of every kind', () => {
  it('loses none and keeps the order of each lane, with an adapter alone and the simplest resend', async () => {
    const { publisher, consumer } = await faultyPair(1)
    await using _publisher = publisher
    await using _consumer = consumer
    const handled = new Handled()
    const random = seededRandom(3)
    const onDelivery = async (delivery: Delivery): Promise<void> => {
      if (random() < 0.3) await new Promise((resolve) => setImmediate(resolve))
      if (delivery.lost.aborted) return
      if (random() < 0.02) return void delivery.settle('requeue')
      if ((await delivery.settle('ack')) === 'settled')
        handled.add(String(delivery.key), Number(new TextDecoder().decode(delivery.body)))
    }
    await consumer.subscribe(
      { topics: ['t'], group: 'g', lanes: 'key', maxUnsettled: 30 },
      (delivery) => void onDelivery(delivery),
    )

    const publishKey = async (key: string): Promise<void> => {
      for (let number = 0; number < MESSAGES / KEYS; ) {
        const body = new TextEncoder().encode(String(number))
        const [result] = await publisher.publish([{ topic: 't', key, body, headers: {} }], signal)
        if (result?.ok) number++
        else await new Promise((resolve) => setImmediate(resolve))
      }
    }
    await Promise.all(Array.from({ length: KEYS }, (_, index) => publishKey(`key-${index}`)))

    await waitFor(() => handled.size >= MESSAGES, { what: 'all messages to be handled' })
    expect(handled.outOfOrder()).toEqual([])
    expect(happened(publisher, consumer)).toEqual(FAULTS)
  })

  it('loses none, keeps the order and handles each once, with the client and its resend, retry and deduplication', async () => {
    const { publisher, consumer } = await faultyPair(5)
    await using sender = new MessageClient(publisher, { name: 'sender' })
    await using receiver = new MessageClient(consumer, { name: 'receiver' })
    const handled = new Handled()
    const random = seededRandom(7)
    await receiver.subscribe<number>(
      't',
      (number, { key }) => {
        if (random() < 0.02) throw new Error('not this time')
        handled.add(String(key), number)
      },
      {
        group: 'g',
        concurrency: 30,
        retry: { inOrder: true, maxAttempts: Number.POSITIVE_INFINITY, backoff: constantBackoff({ baseMs: 1 }) },
        dedup: { store: new MemoryDedupStore() },
      },
    )

    const outcomes = await sender.publishMany(
      't',
      Array.from({ length: MESSAGES }, (_, index) => Math.floor(index / KEYS)),
      (_, index) => ({ key: `key-${index % KEYS}` }),
    )
    expect(outcomes.filter(({ ok }) => !ok)).toEqual([])

    await waitFor(() => handled.size >= MESSAGES, { what: 'all messages to be handled' })
    expect(handled.outOfOrder()).toEqual([])
    expect(handled.calls).toBe(MESSAGES)
    expect(happened(publisher, consumer)).toEqual(FAULTS)
  })
})
