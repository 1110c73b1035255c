import { handlerSpy, seededRandom, TestClock, waitFor } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'

describe('handlerSpy', () => {
  it('remembers calls, follows its script, then does the usual', async () => {
    const spy = handlerSpy<[text: string], number>((text) => text.length)
      .fails(2, new Error('not yet'))
      .next(() => 42)
    await expect(spy('a')).rejects.toThrow('not yet')
    await expect(spy('b')).rejects.toThrow('not yet')
    expect([await spy('c'), await spy('four')]).toEqual([42, 4])
    expect(spy.usually(() => 0)).toBe(spy)
    expect(await spy('e')).toBe(0)
    expect(spy.messages).toEqual(['a', 'b', 'c', 'four', 'e'])
    expect(spy.calls[3]).toEqual(['four'])
  })

  it('waits for calls, and counts those that run', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const spy = handlerSpy<[number]>(() => promise)
    const called = spy.called(2)
    void spy(1)
    void spy(2)
    await called
    expect(spy.running).toBe(2)
    resolve()
    await waitFor(() => spy.running === 0)
  })

  it('says how often it was called when the calls do not come', async () => {
    const spy = handlerSpy()
    await spy()
    await expect(spy.called(2, 20)).rejects.toThrow('waited 20 ms for call 2 of a handler: it was called 1 times')
  })
})

describe('waitFor', () => {
  it('resolves with the first truthy answer', async () => {
    let looks = 0
    expect(await waitFor(async () => ++looks >= 3 && `look ${looks}`)).toBe('look 3')
  })

  it('takes a fact that throws as not yet true, and tells its last error in the end', async () => {
    const clock = new TestClock()
    const waiting = waitFor(
      () => {
        throw new Error('no such row')
      },
      { what: 'the row', timeoutMs: 100, clock },
    )
    const settled = expect(waiting).rejects.toThrow('waited 100 ms for the row: no such row')
    await clock.advance(100)
    await settled
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('seededRandom', () => {
  it('gives the same numbers for the same seed, spread evenly', () => {
    const numbers = (seed: number): number[] => Array.from({ length: 1000 }, seededRandom(seed))
    expect(numbers(1)).toEqual(numbers(1))
    expect(numbers(1)).not.toEqual(numbers(2))
    const tenths = new Map<number, number>()
    for (const number of numbers(3)) tenths.set(Math.floor(number * 10), (tenths.get(Math.floor(number * 10)) ?? 0) + 1)
    expect([...tenths.keys()].toSorted()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    for (const count of tenths.values()) expect(Math.abs(count - 100)).toBeLessThan(40)
  })
})
