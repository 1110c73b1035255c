import { sleep } from '@comm/core'
import { TestClock } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'

describe('TestClock', () => {
  it('stands still until it is advanced, and moves both readings alike', async () => {
    const clock = new TestClock({ startWallMs: 1_000_000 })
    expect([clock.now(), clock.wall()]).toEqual([0, 1_000_000])
    await clock.advance(250)
    expect([clock.now(), clock.wall()]).toEqual([250, 1_000_250])
  })

  it('fires timers in the order of their time, equal ones as they were set, each at its own time', async () => {
    const clock = new TestClock()
    const fired: string[] = []
    const note = (name: string) => () => fired.push(`${name}@${clock.now()}`)
    clock.setTimer(30, note('c'))
    clock.setTimer(10, note('a1'))
    clock.setTimer(20, note('b'))
    clock.setTimer(10, note('a2'))
    clock.setTimer(31, note('late'))
    await clock.advance(30)
    expect(fired).toEqual(['a1@10', 'a2@10', 'b@20', 'c@30'])
    expect([clock.pendingTimers, clock.nextTimerInMs]).toEqual([1, 1])
  })

  it('does not count timers that keep no process alive, and fires them all the same', async () => {
    const clock = new TestClock()
    let fired = 0
    const timer = clock.setTimer(10, () => fired++)
    timer.unref?.()
    expect([clock.pendingTimers, clock.nextTimerInMs]).toEqual([0, 10])
    timer.ref?.()
    expect(clock.pendingTimers).toBe(1)
    timer.unref?.()
    await clock.advance(10)
    expect(fired).toBe(1)
  })

  it('lets a loop of awaited sleeps and immediates go through several rounds in one advance', async () => {
    const clock = new TestClock()
    const rounds: number[] = []
    const loop = (async () => {
      for (let round = 0; round < 5; round++) {
        await sleep(100, { clock })
        for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
        rounds.push(clock.now())
      }
    })()
    await clock.advance(500)
    await loop
    expect(rounds).toEqual([100, 200, 300, 400, 500])
    expect([clock.pendingTimers, clock.nextTimerInMs]).toEqual([0, undefined])
  })

  it('cancels one of several timers with the same time, more than once, and after it fired', async () => {
    const clock = new TestClock()
    const fired: number[] = []
    const timers = [0, 1, 2].map((index) => clock.setTimer(5, () => fired.push(index)))
    timers[1]?.cancel()
    timers[1]?.cancel()
    await clock.advance(5)
    timers[0]?.cancel()
    expect(fired).toEqual([0, 2])
  })

  it('queues calls of advance', async () => {
    const clock = new TestClock()
    const seen: number[] = []
    clock.setTimer(10, () => seen.push(clock.now()))
    clock.setTimer(20, () => seen.push(clock.now()))
    await Promise.all([clock.advance(10), clock.advance(10)])
    expect(seen).toEqual([10, 20])
  })

  it('passes on what a timer throws, and goes on afterwards', async () => {
    const clock = new TestClock()
    clock.setTimer(5, () => {
      throw new Error('boom')
    })
    await expect(clock.advance(10)).rejects.toThrow('boom')
    expect(clock.now()).toBe(5)
    await clock.advance(5)
    expect(clock.now()).toBe(10)
  })

  it('tells of a timer that sets itself again without time passing', async () => {
    const clock = new TestClock()
    const again = (): void => void clock.setTimer(0, again)
    again()
    await expect(clock.advance(1)).rejects.toThrow('one sets itself again with 0 ms')
  })

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY])('refuses to advance by %p', async (ms) => {
    await expect(new TestClock().advance(ms)).rejects.toThrow(`TestClock.advance(ms) must be a finite number >= 0, got ${ms}`)
  })
})
