import { CommunicationError, ConnectionError } from '@comm/core'
import { describe, expect, it } from '@jest/globals'
import { AckBatch, HandoverConsumer, type Settlement, type Source, SourceDelivery } from '../../src/adapter/index.ts'
import type { Delivery } from '../../src/index.ts'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Gets what a test gives it, and remembers what became of it. */
class ToyConsumer extends HandoverConsumer {
  readonly seen: string[] = []
  failure: Error | undefined

  give(id: string): void {
    const source: Source = {
      topic: 't',
      lanes: this.request.lanes,
      lost: this.lost,
      handed: () => undefined,
      settle: (delivery: SourceDelivery, how: Settlement) => {
        if (how === 'requeue') this.requeued(delivery)
        else this.settled(delivery)
        return 'settled'
      },
    }
    const content = { key: undefined, body: new Uint8Array(), headers: {} }
    this.offer(new SourceDelivery(source, id, content, undefined, 0))
  }

  protected async begin(): Promise<void> {
    this.seen.push('begin')
    if (this.failure !== undefined) throw this.failure
  }

  protected end(): void {
    this.seen.push('end')
  }

  protected failureOf(thrown: unknown, what: string): CommunicationError {
    return new ConnectionError(`cannot ${what}`, { cause: thrown })
  }
}

function consume(maxUnsettled = 10): { consumer: ToyConsumer; got: Delivery[]; losses: CommunicationError[] } {
  const got: Delivery[] = []
  const losses: CommunicationError[] = []
  const request = { topics: ['t'], maxUnsettled, lanes: 'none' } as const
  const onDelivery = (delivery: Delivery): void => void got.push(delivery)
  const consumer = new ToyConsumer({ request, onDelivery, onLost: (reason) => losses.push(reason) })
  return { consumer, got, losses }
}

describe('HandoverConsumer', () => {
  it('hands over within its credits, and once more what was requeued', async () => {
    const { consumer, got } = consume(1)
    await consumer.open()
    consumer.give('a')
    consumer.give('b')
    expect(got.map(({ id }) => id)).toEqual(['a'])
    await got[0]?.settle('requeue')
    await turn()
    expect(got.map(({ id, redeliveries }) => [id, redeliveries])).toEqual([
      ['a', 0],
      ['a', 1],
    ])
    expect(await got[1]?.settle('ack')).toBe('settled')
    expect(got.map(({ id }) => id)).toEqual(['a', 'a', 'b'])
  })

  it('answers a second settling as the first, and lost once it is', async () => {
    const { consumer, got } = consume()
    consumer.give('a')
    consumer.give('b')
    expect([await got[0]?.settle('ack'), await got[0]?.settle('requeue')]).toEqual(['settled', 'settled'])
    consumer.lose(new ConnectionError('gone'))
    expect([await got[0]?.settle('ack'), await got[1]?.settle('ack')]).toEqual(['settled', 'lost'])
  })

  it('says what it could not do when it fails to begin, and ends what begins too late', async () => {
    const failing = consume().consumer
    failing.failure = new Error('no')
    await expect(failing.open()).rejects.toThrow('cannot subscribe to t')
    const { consumer } = consume()
    const opening = consumer.open()
    consumer.lose(new ConnectionError('gone'))
    await expect(opening).rejects.toThrow('gone')
    expect(consumer.seen).toEqual(['begin', 'end', 'end'])
  })

  it('tells once why it gave up, and hands over nothing more', () => {
    const { consumer, got, losses } = consume()
    const reason = new ConnectionError('broken')
    consumer.giveUp(reason)
    consumer.giveUp(new CommunicationError('again'))
    consumer.give('a')
    expect([losses, got, consumer.lost.reason]).toEqual([[reason], [], reason])
  })
})

describe('AckBatch', () => {
  it('sends what comes in one turn together, with one answer for all', async () => {
    const sent: (readonly number[])[] = []
    const acks = new AckBatch<number>(async (items) => {
      sent.push(items)
      return sent.length === 1 ? 'settled' : 'lost'
    })
    expect(await Promise.all([acks.add(1), acks.add(2)])).toEqual(['settled', 'settled'])
    expect(await acks.add(3)).toBe('lost')
    await acks.flush()
    expect(sent).toEqual([[1, 2], [3]])
  })
})
