import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { AckTracker } from '../src/ack-tracker.ts'

describe('AckTracker', () => {
  it('tells a contiguous run as one, and what is beyond a gap one by one', () => {
    const tracker = new AckTracker()
    expect(tracker.take([1, 2, 4, 6])).toEqual({ upTo: 2, single: [4, 6] })
    expect(tracker.take([])).toEqual({ upTo: undefined, single: [] })
  })

  it('never tells a tag twice, also when a gap closes', () => {
    const tracker = new AckTracker()
    expect(tracker.take([2])).toEqual({ upTo: undefined, single: [2] })
    expect(tracker.take([1])).toEqual({ upTo: 1, single: [] })
    expect(tracker.take([3])).toEqual({ upTo: 3, single: [] })
  })

  it('leaves out what was answered otherwise', () => {
    const tracker = new AckTracker()
    tracker.told(1)
    expect(tracker.take([2])).toEqual({ upTo: 2, single: [] })
  })

  it('acknowledges exactly what was settled, in whatever order and pieces', () => {
    const tags = fc.uniqueArray(fc.integer({ min: 1, max: 40 }), { maxLength: 40 })
    fc.assert(
      fc.property(
        tags,
        fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }),
        fc.uniqueArray(fc.nat(39)),
        (order, pauses, requeued) => {
          const tracker = new AckTracker()
          const open = new Set(Array.from({ length: 40 }, (_, index) => index + 1))
          const acked = new Set<number>()
          const settled: number[] = []
          const take = (): void => {
            const { upTo = 0, single } = tracker.take(settled.splice(0))
            // As RabbitMQ does: everything up to the tag that has no answer yet.
            for (const tag of [...[...open].filter((each) => each <= upTo), ...single]) {
              expect(open.delete(tag)).toBe(true)
              acked.add(tag)
            }
          }
          const wanted = new Set<number>()
          for (const [index, tag] of order.entries()) {
            if (requeued.includes(index)) {
              tracker.told(tag)
              open.delete(tag)
            } else {
              settled.push(tag)
              wanted.add(tag)
            }
            if (pauses[index]) take()
          }
          take()
          expect(acked).toEqual(wanted)
        },
      ),
    )
  })
})
