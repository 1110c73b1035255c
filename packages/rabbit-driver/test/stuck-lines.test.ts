import { silentLogger } from '@comm/core'
import { TestClock } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'
import { StuckLines } from '../src/stuck-lines.ts'

function setUp(prove: () => Promise<unknown> = async () => undefined) {
  const clock = new TestClock()
  const warnings: string[] = []
  const logger = { ...silentLogger, warn: (message: string) => void warnings.push(message) }
  const lines = new StuckLines({ broker: 'a broker', clock, logger, prove })
  const watched = { oldest: undefined as number | undefined, gaveUp: 0 }
  const watch = (aside?: string) =>
    lines.watch(
      aside,
      () => watched.oldest,
      () => watched.gaveUp++,
    )
  return { clock, lines, warnings, watched, watch }
}

describe('StuckLines', () => {
  it('gives up on what has been the oldest for five to seven seconds, aside for one to three', async () => {
    for (const [aside, early, late] of [
      [undefined, 4900, 2100],
      ['a line', 900, 2100],
    ] as const) {
      const { clock, watched, watch } = setUp()
      watch(aside)
      watched.oldest = 1
      await clock.advance(early)
      expect(watched.gaveUp).toBe(0)
      await clock.advance(late)
      expect(watched.gaveUp).toBeGreaterThan(0)
    }
  })

  it('has patience while anything moves, nothing waits, or it was ended, and keeps no process alive', async () => {
    const { clock, watched, watch } = setUp()
    const ended = watch()
    for (let at = 0; at < 20; at++) {
      watched.oldest = at % 5 === 0 ? undefined : at
      await clock.advance(2000)
    }
    expect(watched.gaveUp).toBe(0)
    expect(clock.pendingTimers).toBe(0)
    ended.end()
    watched.oldest = 100
    await clock.advance(20_000)
    expect(watched.gaveUp).toBe(0)
    expect(clock.nextTimerInMs).toBeUndefined()
  })

  it('gives up on nothing where the broker proves nothing in time, or confirms meanwhile', async () => {
    const unwell = [() => Promise.reject(new Error('no disk')), () => new Promise(() => undefined)]
    for (const prove of unwell) {
      const { clock, watched, watch } = setUp(prove)
      watch()
      watched.oldest = 1
      await clock.advance(30_000)
      expect(watched.gaveUp).toBe(0)
    }
    const slow: { confirm(): void } = { confirm: () => undefined }
    const { clock, watched, watch } = setUp(async () => slow.confirm())
    slow.confirm = () => {
      watched.oldest = 2
    }
    watch()
    watched.oldest = 1
    await clock.advance(7000)
    expect(watched.gaveUp).toBe(0)
  })

  it('knows a line until something is confirmed, warns of it once, and gives up on no more than sixteen', async () => {
    const { clock, lines, warnings, watched, watch } = setUp()
    const message = 'a broker confirms nothing for 0, though it stores other things: what is behind it may have no leader'
    expect(lines.add('0')).toMatchObject({ code: 'COMM_PUBLISH', retryable: true, message })
    lines.add('0')
    expect(warnings).toEqual([message])
    lines.delete('0')
    expect(lines.has('0')).toBe(false)
    for (let at = 0; at < 16; at++) lines.add(String(at))
    expect([lines.size, lines.has('15')]).toEqual([16, true])
    watch()
    watched.oldest = 1
    await clock.advance(30_000)
    expect(watched.gaveUp).toBe(0)
  })

  it('suspects whatever waited, without a warning, and is not held back by any number of suspects', async () => {
    const { clock, lines, warnings, watched, watch } = setUp()
    for (let at = 0; at < 300; at++) lines.suspect(String(at))
    expect([lines.size, lines.has('0'), lines.has('255'), lines.has('256')]).toEqual([256, true, true, false])
    expect(warnings).toEqual([])
    lines.add('0')
    lines.suspect('0')
    lines.add('0')
    expect(warnings).toHaveLength(1)
    watch()
    watched.oldest = 1
    await clock.advance(7000)
    expect(watched.gaveUp).toBe(1)
  })

  it('forgets a line that nothing was sent by for ten minutes, which may be well again', async () => {
    const { clock, lines } = setUp()
    lines.add('used')
    lines.add('unused')
    await clock.advance(590_000)
    expect(lines.has('used')).toBe(true)
    await clock.advance(20_000)
    expect([lines.size, lines.has('unused'), lines.has('used')]).toEqual([1, false, true])
    await clock.advance(600_000)
    expect([lines.size, lines.has('used')]).toEqual([0, false])
  })
})
