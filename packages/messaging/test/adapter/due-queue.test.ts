import { DueQueue } from '@comm/messaging/adapter'
import { TestClock } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'

describe('DueQueue', () => {
  it('hands out each item at its time, equal times in the order in which they were added', async () => {
    const clock = new TestClock()
    const due: string[] = []
    const queue = new DueQueue<string>(clock, (item) => due.push(item))
    const now = clock.wall()
    for (const [item, delayMs] of [
      ['c', 300],
      ['a', 100],
      ['b', 200],
      ['a2', 100],
    ] as const)
      queue.add(now + delayMs, item)
    await clock.advance(99)
    expect(due).toEqual([])
    await clock.advance(1)
    expect(due).toEqual(['a', 'a2'])
    await clock.advance(1000)
    expect(due).toEqual(['a', 'a2', 'b', 'c'])
  })

  it('forgets everything, and leaves no timer', async () => {
    const clock = new TestClock()
    const due: number[] = []
    const queue = new DueQueue<number>(clock, (item) => due.push(item))
    queue.add(clock.wall() + 10, 1)
    queue.clear()
    expect(clock.pendingTimers).toBe(0)
    await clock.advance(100)
    expect(due).toEqual([])
  })

  it('hands out nothing while it is held, and what was due meanwhile when it is let go', async () => {
    const clock = new TestClock()
    const due: number[] = []
    const queue = new DueQueue<number>(clock, (item) => due.push(item))
    queue.add(clock.wall() + 10, 1)
    queue.hold()
    queue.add(clock.wall() + 20, 2)
    expect(clock.pendingTimers).toBe(0)
    await clock.advance(100)
    expect(due).toEqual([])
    queue.release()
    await clock.advance(0)
    expect(due).toEqual([1, 2])
  })

  it('keeps the order of times, whatever is added when', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(500), fc.nat(50)), { maxLength: 60 }), async (steps) => {
        const clock = new TestClock()
        const due: number[] = []
        const added: number[] = []
        const queue = new DueQueue<number>(clock, (dueAt) => {
          expect(dueAt).toBeLessThanOrEqual(clock.wall())
          due.push(dueAt)
        })
        for (const [delayMs, advanceMs] of steps) {
          added.push(clock.wall() + delayMs)
          queue.add(clock.wall() + delayMs, clock.wall() + delayMs)
          await clock.advance(advanceMs)
        }
        await clock.advance(1000)
        expect(due.toSorted((a, b) => a - b)).toEqual(added.toSorted((a, b) => a - b))
        expect(due).toEqual(due.toSorted((a, b) => a - b))
      }),
      { numRuns: 50 },
    )
  })
})
