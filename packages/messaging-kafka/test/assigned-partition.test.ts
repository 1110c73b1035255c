import { ConnectionError } from '@comm/core'
import type { IncomingMessage } from '@comm/kafka-driver'
import { TestClock } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'
import { AssignedPartition } from '../src/consume/assigned-partition.ts'
import type { KafkaDelivery } from '../src/consume/delivery.ts'
import { partFor } from '../src/topics.ts'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

function message(offset: number, headers: IncomingMessage['headers'] = {}, timestamp = 0): IncomingMessage {
  return { offset, timestamp, key: Buffer.from('k'), value: Buffer.from(`${offset}`), headers }
}

type Receive = (messages: readonly IncomingMessage[], from?: number, high?: number) => Promise<unknown> | undefined

function setUp(delayMs = 0): {
  readonly clock: TestClock
  readonly partition: AssignedPartition
  readonly offered: KafkaDelivery[]
  readonly fetching: boolean[]
  readonly sought: number[]
  readonly begunAnew: number[]
  readonly receive: Receive
} {
  const clock = new TestClock()
  const offered: KafkaDelivery[] = []
  const fetching: boolean[] = []
  const sought: number[] = []
  const begunAnew: number[] = []
  const partition = new AssignedPartition({ topic: 't', partition: 3 }, partFor('t', 'g', delayMs), {
    topic: 't',
    lanes: 'key',
    clock,
    most: { records: 4, bytes: 1_000_000 },
    offer: (delivery) => offered.push(delivery),
    settled: () => undefined,
    fetch: (_, isWanted) => fetching.push(isWanted),
    seek: ({ offset }) => sought.push(offset),
    begunAnew: (_, { from }) => void begunAnew.push(from),
  })
  const receive: Receive = (messages, from = Number(messages[0]?.offset), high = 1000) =>
    partition.receive({ source: partition.source, messages, from, next: Number(messages.at(-1)?.offset) + 1, high })
  return { clock, partition, offered, fetching, sought, begunAnew, receive }
}

describe('AssignedPartition', () => {
  it('takes nothing before it is known where to begin, and nothing twice', () => {
    const { partition, offered, receive } = setUp()
    void receive([message(0)])
    expect(offered).toEqual([])
    partition.begin({ ...partition.source, offset: 1 }, true)
    void receive([message(0), message(1), message(2)])
    void receive([message(2), message(3)])
    expect(offered.map(({ id }) => id)).toEqual(['for-g-3-1', 'for-g-3-2', 'for-g-3-3'])
    expect(partition.next).toMatchObject({ topic: 't', partition: 3, offset: 4 })
  })

  it('takes no batch that was fetched before it was told where to read, and one that leaves a gap only when it comes again', () => {
    const { partition, offered, sought, receive } = setUp()
    partition.begin({ ...partition.source, offset: 5 }, true)
    void receive([message(8), message(9)])
    expect([offered, sought]).toEqual([[], [5]])
    void receive([message(5), message(6)])
    void receive([message(9)])
    void receive([message(9)])
    expect(offered.map(({ place }) => place.offset)).toEqual([5, 6, 9])
    expect(sought).toEqual([5, 7])
  })

  it('begins anew when its log ends before what was read of it', () => {
    const { partition, offered, sought, begunAnew, receive } = setUp()
    partition.begin({ ...partition.source, offset: 5 }, true)
    void receive([message(5), message(6)])
    void receive([message(0), message(1)], 0, 2)
    expect([offered.length, sought, begunAnew]).toEqual([2, [], [0]])
  })

  it('does so right after it was told where to read only when the log still says so: the batch may be of the time before', () => {
    const { partition, offered, sought, begunAnew, receive } = setUp()
    partition.begin({ ...partition.source, offset: 5 }, true)
    void receive([message(0), message(1)], 0, 4)
    expect([offered, sought, begunAnew]).toEqual([[], [5], []])
    void receive([message(0), message(1)], 0, 4)
    expect([offered, sought, begunAnew]).toEqual([[], [5], [0]])
  })

  it('lets fast handlers make room before it is held back', async () => {
    const { partition, offered, fetching, clock, receive } = setUp()
    partition.begin({ ...partition.source, offset: 0 }, true)
    let isOver = false
    void receive([0, 1, 2, 3].map((offset) => message(offset)))?.then(() => {
      isOver = true
    })
    for (const delivery of offered.slice(0, 2)) partition.handedOver(delivery)
    await turn()
    expect(isOver).toBe(false)
    partition.handedOver(offered[2] as KafkaDelivery)
    await turn()
    expect(isOver).toBe(true)
    await clock.advance(1000)
    expect(fetching).toEqual([])
  })

  it('is held back when they are slow, and read again when it is half empty', async () => {
    const { partition, offered, fetching, clock, receive } = setUp()
    partition.begin({ ...partition.source, offset: 0 }, true)
    const waiting = receive([0, 1, 2, 3].map((offset) => message(offset)))
    await clock.advance(50)
    await waiting
    expect(fetching).toEqual([false])
    for (const delivery of offered.slice(0, 2)) partition.handedOver(delivery)
    expect(fetching).toEqual([false])
    partition.handedOver(offered[2] as KafkaDelivery)
    expect(fetching).toEqual([false, true])
  })

  it('keeps what must wait until its time, but no longer than its topic allows', async () => {
    const { partition, offered, clock, receive } = setUp(5000)
    partition.begin({ ...partition.source, offset: 0 }, true)
    const wall = clock.wall()
    const until = (ms: number): IncomingMessage['headers'] => ({ 'comm-not-before': Buffer.from(String(wall + ms)) })
    void receive([message(0, until(3000), wall), message(1, until(1000), wall), message(2, until(60_000), wall)])
    await clock.advance(999)
    expect(offered).toEqual([])
    await clock.advance(1)
    expect(offered.map(({ place }) => place.offset)).toEqual([1])
    await clock.advance(9000)
    expect(offered.map(({ place }) => place.offset)).toEqual([1, 0, 2])
    expect(offered[0]?.headers).toEqual({})
  })

  it('when it is lost, says what was handed over and not settled, and takes no answer any more', async () => {
    const { partition, offered, receive } = setUp()
    partition.begin({ ...partition.source, offset: 0 }, true)
    void receive([message(0), message(1), message(2)])
    const [first, second, third] = offered as [KafkaDelivery, KafkaDelivery, KafkaDelivery]
    partition.handedOver(first)
    partition.handedOver(second)
    expect(await first.settle('ack')).toBe('settled')
    expect(partition.lose(new ConnectionError('gone'))).toEqual([second])
    expect(third.lost.aborted).toBe(true)
    expect(await second.settle('ack')).toBe('lost')
    expect(await first.settle('requeue')).toBe('settled')
    expect(partition.take()).toMatchObject({ offset: 1, note: '' })
  })
})
