import { SourceDelivery } from '@comm/messaging/adapter'
import { describe, expect, it } from '@jest/globals'
import { CountedSources } from '../src/counted-sources.ts'

const content = { key: undefined, body: new Uint8Array(), headers: {} }

describe('CountedSources', () => {
  it('keeps a source for as long as something of it is unsettled', () => {
    const sources = new CountedSources((topic) => ({
      topic,
      lanes: 'none',
      lost: new AbortController().signal,
      handed: () => undefined,
      settle: () => 'settled',
    }))
    const deliver = (queue: string, topic: string) =>
      new SourceDelivery(sources.count(queue, topic), 'id', content, undefined, 0, undefined)
    const first = deliver('q', 'a')
    const second = deliver('q', 'a')
    const other = deliver('q', 'b')
    expect(second.source).toBe(first.source)
    expect([sources.unsettled('q'), sources.unsettled('r')]).toEqual([3, 0])
    for (const delivery of [first, second, other]) sources.release(delivery)
    expect(sources.unsettled('q')).toBe(0)
    expect(deliver('q', 'a').source).not.toBe(first.source)
  })
})
