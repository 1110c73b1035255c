import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { Intake } from '../../src/adapter/intake.ts'

interface Item {
  readonly lane: string | undefined
  readonly number: number
}

const item = (number: number, lane?: string): Item => ({ lane, number })

/** An intake, and what it has handed over. */
function collect(credits: number): { readonly intake: Intake<Item>; readonly got: Item[] } {
  const got: Item[] = []
  return { intake: new Intake<Item>(credits, (each) => got.push(each)), got }
}

const numbers = (items: readonly Item[]): number[] => items.map(({ number }) => number)
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('Intake', () => {
  it('hands over no more than there are credits, and one more for each that is settled', async () => {
    const { intake, got } = collect(2)
    for (const number of [1, 2, 3, 4]) intake.offer(item(number))
    expect(numbers(got)).toEqual([1, 2])
    intake.settled(got[0] as Item)
    expect(numbers(got)).toEqual([1, 2])
    await undefined
    expect(numbers(got)).toEqual([1, 2, 3])
  })

  it('hands over one of a lane at a time, and others meanwhile', async () => {
    const { intake, got } = collect(10)
    for (const [number, lane] of [[1, 'a'], [2, 'a'], [3, 'b'], [4]] as const) intake.offer(item(number, lane))
    expect(numbers(got)).toEqual([1, 3, 4])
    intake.settled(got[0] as Item)
    await undefined
    expect(numbers(got)).toEqual([1, 3, 4, 2])
  })

  it('hands a requeued one over again before the rest of its lane, in a later turn', async () => {
    const { intake, got } = collect(10)
    intake.offer(item(1, 'a'))
    intake.offer(item(2, 'a'))
    intake.requeue(item(1, 'a'))
    expect(numbers(got)).toEqual([1])
    await turn()
    expect(numbers(got)).toEqual([1, 1])
    intake.settled(got[1] as Item)
    await undefined
    expect(numbers(got)).toEqual([1, 1, 2])
  })

  it('gives back what it has not handed over when it is closed, and hands over nothing more', async () => {
    const { intake, got } = collect(2)
    for (const [number, lane] of [[1, 'a'], [2, 'a'], [3], [4]] as const) intake.offer(item(number, lane))
    expect(numbers(got)).toEqual([1, 3])
    expect(numbers(intake.close()).toSorted()).toEqual([2, 4])
    for (const each of got) intake.settled(each)
    intake.offer(item(5))
    await turn()
    expect(numbers(got)).toEqual([1, 3])
  })

  it('keeps credits, lanes and their order, and hands over everything, whatever the order of settling', async () => {
    const lane = fc.constantFrom('a', 'b', 'c', undefined)
    const step = fc.record({ pick: fc.nat(100), requeue: fc.boolean() })
    await fc.assert(
      fc.asyncProperty(
        fc.array(lane, { maxLength: 30 }),
        fc.array(step, { maxLength: 40 }),
        fc.integer({ min: 1, max: 5 }),
        async (lanes, steps, credits) => {
          const unsettled: Item[] = []
          const done: Item[] = []
          const intake = new Intake<Item>(credits, (each) => {
            expect(each.lane === undefined || unsettled.every((other) => other.lane !== each.lane)).toBe(true)
            unsettled.push(each)
            expect(unsettled.length).toBeLessThanOrEqual(credits)
          })
          for (const [number, each] of lanes.entries()) intake.offer(item(number, each))
          const left = [...steps]
          while (unsettled.length > 0) {
            const { pick, requeue } = left.shift() ?? { pick: 0, requeue: false }
            const [each] = unsettled.splice(pick % unsettled.length, 1) as [Item]
            if (requeue) intake.requeue(each)
            else {
              done.push(each)
              intake.settled(each)
            }
            await turn()
          }
          expect(done).toHaveLength(lanes.length)
          for (const name of ['a', 'b', 'c']) {
            const inLane = numbers(done.filter((each) => each.lane === name))
            expect(inLane).toEqual(inLane.toSorted((one, other) => one - other))
          }
        },
      ),
      { numRuns: 50 },
    )
  })
})
