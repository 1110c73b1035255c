import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { Inbox } from '../src/inbox.ts'

interface Item {
  readonly lane: string | undefined
  readonly number: number
}
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('Inbox', () => {
  it('keeps credits, one item a lane at a time and the order of each lane, whatever is given back', async () => {
    const lanes = fc.array(fc.constantFrom('a', 'b', 'c', undefined), { maxLength: 60 })
    await fc.assert(
      fc.asyncProperty(lanes, fc.integer({ min: 1, max: 5 }), fc.infiniteStream(fc.boolean()), async (wanted, credits, back) => {
        const held: Item[] = []
        const done: Item[] = []
        const inbox = new Inbox<Item>(credits, (item) => held.push(item))
        for (const [number, lane] of wanted.entries()) inbox.add({ lane, number })
        await turn()
        for (let item = held.shift(); item !== undefined; item = held.shift()) {
          expect(held.length).toBeLessThan(credits)
          const busy = [item, ...held].flatMap(({ lane }) => lane ?? [])
          expect(new Set(busy).size).toBe(busy.length)
          if (back.next().value && back.next().value) inbox.settled(item, { ...item })
          else {
            done.push(item)
            inbox.settled(item)
          }
          await turn()
        }
        expect(done.map(({ number }) => number).toSorted((a, b) => a - b)).toEqual(wanted.map((_, number) => number))
        for (const lane of ['a', 'b', 'c']) {
          const numbers = done.filter((item) => item.lane === lane).map(({ number }) => number)
          expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
        }
      }),
      { numRuns: 50 },
    )
  })

  it('hands nothing over once it is closed, and gives back what waited', async () => {
    const held: Item[] = []
    const inbox = new Inbox<Item>(1, (item) => held.push(item))
    for (let number = 0; number < 3; number++) inbox.add({ lane: number === 2 ? 'a' : undefined, number })
    await turn()
    expect(
      inbox
        .close()
        .map(({ number }) => number)
        .toSorted(),
    ).toEqual([1, 2])
    inbox.settled(held[0] as Item)
    await turn()
    expect(held).toHaveLength(1)
  })
})
