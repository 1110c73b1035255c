import type { KafkaLink } from '@comm/kafka-driver'
import { TestClock } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'
import { resolveOptions } from '../src/options.ts'
import { Outbox } from '../src/publish/outbox.ts'

const never = new AbortController().signal
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** An outbox that needs no answer to send to what it knows, and what it has sent. */
function setUp(): { clock: TestClock; sent: string[]; publish: (topic: string) => Promise<void>; answerNoMore: () => void } {
  const clock = new TestClock()
  const sent: string[] = []
  let answers = true
  const link = {
    leaders: (): Promise<readonly number[]> => (answers ? Promise.resolve([0]) : new Promise(() => undefined)),
    produce: async (batches: readonly { readonly topic: string }[]) => void sent.push(...batches.map(({ topic }) => topic)),
  } as unknown as KafkaLink
  const outbox = new Outbox(link, resolveOptions({ clock }))
  const publish = async (topic: string): Promise<void> => {
    void outbox.publish([{ topic, body: new Uint8Array(1), headers: {} }], never)
    for (let turns = 0; turns < 4; turns++) await turn()
  }
  const answerNoMore = (): void => {
    answers = false
  }
  return { clock, sent, publish, answerNoMore }
}

describe('Outbox', () => {
  it('sends at once to a topic in use, and forgets one that nobody has published to for long', async () => {
    const { clock, sent, publish, answerNoMore } = setUp()
    await publish('once')
    for (let minute = 0; minute < 15; minute++) {
      await publish('always')
      await clock.advance(60_000)
    }
    expect(sent).toEqual(['once', ...Array.from({ length: 15 }, () => 'always')])
    answerNoMore()
    await publish('always')
    await publish('once')
    expect(sent.slice(16)).toEqual(['always'])
  })
})
