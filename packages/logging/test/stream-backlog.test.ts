import { Writable } from 'node:stream'
import { createLogger, type LogEntry } from '@comm/logging'
import { TestClock } from '@comm/testkit'
import { describe, expect, it, jest } from '@jest/globals'
import winston from 'winston'

/** Takes nothing until it is let go, then all at once. */
function stalledStream() {
  const taken: string[] = []
  let waiting: (() => void) | undefined
  let stalled = true
  const stream = new Writable({
    write(chunk, _encoding, next) {
      const take = (): void => {
        taken.push(String(chunk))
        next()
      }
      if (stalled) waiting = take
      else take()
    },
  })
  const go = (): void => {
    stalled = false
    waiting?.()
  }
  return {
    stream,
    go,
    entries: () =>
      taken
        .join('')
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as LogEntry),
  }
}

describe('a stream that takes nothing', () => {
  it('holds bounded memory; what is dropped is counted, and said once there is room', async () => {
    const { stream, go, entries } = stalledStream()
    await using logger = createLogger({ env: {}, destination: stream, maxBufferedBytes: 65_536 })
    for (let line = 0; line < 10_000; line += 1) logger.info('x'.repeat(100), { line })
    const { bufferedBytes, dropped } = logger.stats()
    expect(bufferedBytes).toBeLessThanOrEqual(65_536)
    expect(stream.writableLength).toBe(bufferedBytes)
    expect(dropped).toBeGreaterThan(9000)
    go()
    await logger.flush()
    logger.info('last')
    await logger.flush()
    const lines = entries()
    expect(lines).toHaveLength(10_000 - dropped + 2)
    expect(lines.at(-2)).toMatchObject({
      level: 'warn',
      logger: 'logging',
      message: `${dropped} log lines were dropped: the destination is behind`,
      droppedLines: dropped,
    })
    expect(lines.at(-1)?.message).toBe('last')
  })

  it('makes flush and close wait for flushMs and no longer', async () => {
    const clock = new TestClock()
    const { stream } = stalledStream()
    const logger = createLogger({ env: {}, clock, destination: stream, flushMs: 500 })
    logger.info('x')
    let flushed = false
    const flush = logger.flush().then(() => {
      flushed = true
    })
    await clock.advance(499)
    expect(flushed).toBe(false)
    await clock.advance(1)
    await flush
    const closed = logger.close()
    await clock.advance(1000)
    await closed
    expect(clock.pendingTimers).toBe(0)
    expect(stream.listenerCount('error') + stream.listenerCount('drain')).toBe(0)
  })
})

describe('a transport of winston that takes nothing', () => {
  it('holds bounded memory and keeps no line from the destination', async () => {
    const warned = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    const clock = new TestClock()
    const stalled = new winston.transports.Stream({ stream: new Writable() })
    Object.assign(stalled, { log: () => undefined })
    const lines: string[] = []
    const logger = createLogger({ env: {}, clock, destination: (line) => void lines.push(line), transports: [stalled] })
    for (let line = 0; line < 12_000; line += 1) logger.info('line')
    expect(lines).toHaveLength(12_000)
    expect(logger.stats().dropped).toBeGreaterThan(1900)
    expect(warned).toHaveBeenCalledTimes(1)
    warned.mockRestore()
    const closed = logger.close()
    await clock.advance(10_000)
    await closed
  })
})
