import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { OffsetTracker } from '../src/offset-tracker.ts'

interface Item {
  readonly offset: number
  isDone: boolean
}

const item = (offset: number): Item => ({ offset, isDone: false })

function track(start: number, offsets: readonly number[], note?: string): { tracker: OffsetTracker<Item>; items: Item[] } {
  const tracker = new OffsetTracker<Item>(start, note)
  const items = offsets.map(item)
  for (const each of items) tracker.add(each)
  return { tracker, items }
}

describe('OffsetTracker', () => {
  it('commits no further than to the first record that is not done, in whatever order they are', () => {
    const { tracker, items } = track(10, [10, 11, 12])
    expect([tracker.position, tracker.next]).toEqual([10, 13])
    tracker.done(items[2] as Item)
    tracker.done(items[1] as Item)
    expect(tracker.position).toBe(10)
    tracker.done(items[0] as Item)
    expect(tracker.position).toBe(13)
  })

  it('steps over offsets that hold no record for us, between records and at the end', () => {
    const { tracker, items } = track(0, [3, 7])
    tracker.skipTo(9)
    tracker.done(items[0] as Item)
    expect(tracker.position).toBe(7)
    tracker.done(items[1] as Item)
    expect(tracker.position).toBe(9)
  })

  it('notes what is done beyond the gap, and who reads on there takes it as done', () => {
    const { tracker, items } = track(100, [100, 101, 102, 103, 104, 200])
    for (const index of [1, 2, 4]) tracker.done(items[index] as Item)
    expect(tracker.note).toBe('1.2.1.1.')
    const next = new OffsetTracker<Item>(tracker.position, tracker.note)
    expect([100, 101, 102, 103, 104, 200].map((offset) => next.add(item(offset)))).toEqual([
      false,
      true,
      true,
      false,
      true,
      false,
    ])
    expect(next.open().map(({ offset }) => offset)).toEqual([100, 101, 102, 103, 104, 200])
  })

  it.each(['', 'made by another client', '1.', '{"a":1}'])('takes a foreign note for none: %s', (note) => {
    expect(track(0, [0, 1], note).items.map(({ isDone }) => isDone)).toEqual([false, false])
  })

  it('keeps the note within what Kafka keeps, at the price of records that come again', () => {
    const { tracker, items } = track(
      0,
      Array.from({ length: 10_000 }, (_, offset) => offset),
    )
    for (let index = 1; index < items.length; index += 2) tracker.done(items[index] as Item)
    expect(tracker.note.length).toBeLessThanOrEqual(4000)
    const next = new OffsetTracker<Item>(tracker.position, tracker.note)
    expect(next.add(item(0))).toBe(false)
    expect(next.add(item(1))).toBe(true)
  })

  it('never loses an open record nor forgets a done one, whatever is done when and wherever it is handed on', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(60), { minLength: 1 }), fc.array(fc.nat(1000), { maxLength: 80 }), (unsorted, picks) => {
        const offsets = unsorted.toSorted((a, b) => a - b)
        const { tracker, items } = track(0, offsets)
        const done = new Set<number>()
        for (const pick of picks) {
          const each = items[pick % items.length] as Item
          if (done.has(each.offset)) continue
          done.add(each.offset)
          tracker.done(each)
        }
        const open = offsets.filter((offset) => !done.has(offset))
        expect(tracker.position).toBe(open[0] ?? (offsets.at(-1) as number) + 1)
        const next = new OffsetTracker<Item>(tracker.position, tracker.note)
        const again = offsets.filter((offset) => offset >= tracker.position).filter((offset) => !next.add(item(offset)))
        expect(again).toEqual(open)
      }),
    )
  })
})
