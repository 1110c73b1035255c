import type { TimeoutError } from '@comm/core'
import { TestClock } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { PhaseTimer } from '../src/phase-timer.ts'

const LIMITS = { connectMs: 100, writeMs: 200, readMs: 50 }

function timerOf(
  clock: TestClock,
  deadlineAt: number = Number.POSITIVE_INFINITY,
): { timer: PhaseTimer; expired: TimeoutError[] } {
  const expired: TimeoutError[] = []
  const request = { method: 'GET', url: new URL('http://host/'), timeouts: LIMITS, deadlineAt, collect: 'bytes' as const }
  return { timer: new PhaseTimer(clock, request, (error) => expired.push(error)), expired }
}

describe('PhaseTimer', () => {
  it('gives every phase its own time', async () => {
    const clock = new TestClock()
    const { timer, expired } = timerOf(clock)
    await clock.advance(99)
    timer.enter('write')
    await clock.advance(199)
    timer.enter('read')
    await clock.advance(49)
    timer.progress()
    await clock.advance(49)
    expect(expired).toEqual([])
    await clock.advance(1)
    expect(expired).toMatchObject([
      {
        message: 'GET http://host/ timed out waiting for the answer after 50 ms (readMs)',
        details: { limit: 'read', sent: 'maybe' },
      },
    ])
    expect(clock.pendingTimers).toBe(0)
  })

  it('knows that nothing was sent before there is a connection', async () => {
    const clock = new TestClock()
    const { expired } = timerOf(clock)
    await clock.advance(100)
    expect(expired).toMatchObject([{ details: { limit: 'connect', sent: 'no' } }])
  })

  it('stands still while paused, but for the deadline', async () => {
    const clock = new TestClock()
    const { timer, expired } = timerOf(clock, 1000)
    timer.enter('read')
    timer.pause()
    await clock.advance(999)
    expect(expired).toEqual([])
    await clock.advance(1)
    expect(expired).toMatchObject([{ details: { limit: 'total', limitMs: 1000 } }])
  })

  it('fires exactly when the silence is as long as the limit, whatever the progress before', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 49 }), { maxLength: 20 }), async (gaps) => {
        const clock = new TestClock()
        const { timer, expired } = timerOf(clock)
        timer.enter('read')
        for (const gap of gaps) {
          await clock.advance(gap)
          timer.progress()
        }
        await clock.advance(49)
        expect(expired).toHaveLength(0)
        expect(clock.pendingTimers).toBe(1)
        await clock.advance(1)
        expect(expired).toHaveLength(1)
        expect(clock.pendingTimers).toBe(0)
      }),
      { numRuns: 50 },
    )
  })
})
