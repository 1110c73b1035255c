import { getEventListeners } from 'node:events'
import { LONGEST_TIMEOUT_MS, sleep, systemClock } from '@comm/core'
import { TestClock } from '@comm/testkit'
import { afterEach, describe, expect, it, jest } from '@jest/globals'

describe('systemClock', () => {
  afterEach(() => {
    jest.useRealTimers()
  })

  it('goes forward and knows the date', () => {
    const before = systemClock.now()
    expect(systemClock.now()).toBeGreaterThanOrEqual(before)
    expect(Math.abs(systemClock.wall() - Date.now())).toBeLessThan(1000)
    expect(Object.isFrozen(systemClock)).toBe(true)
  })

  it('waits longer than setTimeout can, and fires once', () => {
    jest.useFakeTimers()
    const fire = jest.fn()
    systemClock.setTimer(2 * LONGEST_TIMEOUT_MS + 5, fire)
    jest.advanceTimersByTime(2 * LONGEST_TIMEOUT_MS + 4)
    expect(fire).not.toHaveBeenCalled()
    jest.advanceTimersByTime(1)
    expect(fire).toHaveBeenCalledTimes(1)
    expect(jest.getTimerCount()).toBe(0)
  })

  it('cancels a long timer in any of its pieces', () => {
    jest.useFakeTimers()
    const fire = jest.fn()
    const timer = systemClock.setTimer(Number.POSITIVE_INFINITY, fire)
    jest.advanceTimersByTime(3 * LONGEST_TIMEOUT_MS)
    timer.cancel()
    timer.cancel()
    expect(jest.getTimerCount()).toBe(0)
    expect(fire).not.toHaveBeenCalled()
  })

  it.each([Number.NaN, -5, 0])('takes a delay of %p for 0, without a warning', (delayMs) => {
    jest.useFakeTimers()
    const fire = jest.fn()
    systemClock.setTimer(delayMs, fire)
    jest.advanceTimersByTime(1)
    expect(fire).toHaveBeenCalledTimes(1)
  })
})

describe('sleep', () => {
  it('resolves when the time has come, and takes its listener off the signal', async () => {
    const clock = new TestClock()
    const { signal } = new AbortController()
    let awake = false
    const sleeping = sleep(100, { clock, signal }).then(() => {
      awake = true
    })
    await clock.advance(99)
    expect(awake).toBe(false)
    await clock.advance(1)
    await sleeping
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
    expect(clock.pendingTimers).toBe(0)
  })

  it("rejects with the signal's reason and leaves no timer", async () => {
    const clock = new TestClock()
    const controller = new AbortController()
    const sleeping = sleep(100, { clock, signal: controller.signal })
    const reason = new Error('enough')
    controller.abort(reason)
    await expect(sleeping).rejects.toBe(reason)
    expect(clock.pendingTimers).toBe(0)
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
  })

  it('does not begin when the signal is already aborted', async () => {
    const clock = new TestClock()
    await expect(sleep(100, { clock, signal: AbortSignal.abort('gone') })).rejects.toBe('gone')
    expect(clock.pendingTimers).toBe(0)
  })
})
