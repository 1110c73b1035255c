import { type Clock, systemClock, type Timer } from '@comm/core'
import { TestClock } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'
import { DeadlineTimer } from '../src/buffer/deadline-timer.ts'

describe('DeadlineTimer', () => {
  it.each<[cannot: string, keep: (timer: Timer) => Timer]>([
    ['unref', ({ cancel, ref }) => ({ cancel, ...(ref && { ref }) })],
    ['take an unref back', ({ cancel, unref }) => ({ cancel, ...(unref && { unref }) })],
    ['do either', ({ cancel }) => ({ cancel })],
  ])('keeps no timer while nobody waits where the clock cannot %s, and sets it again', async (_, keep) => {
    const time = new TestClock()
    const clock: Clock = { ...systemClock, now: () => time.now(), setTimer: (...timer) => keep(time.setTimer(...timer)) }
    let expired = 0
    const deadline = new DeadlineTimer(clock, () => expired++)
    deadline.until(1000)
    deadline.rest()
    expect(time.nextTimerInMs).toBeUndefined()
    deadline.until(2000)
    await time.advance(2000)
    expect(expired).toBe(1)
  })
})
