import { runInContext } from '@comm/core'
import { createLogger, type LogEntry, type LoggingOptions } from '@comm/logging'
import { TestClock } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'

function keptLines(options: LoggingOptions) {
  const entries: LogEntry[] = []
  const clock = new TestClock()
  const logger = createLogger({
    env: {},
    level: 'trace',
    clock,
    destination: (_line, entry) => void entries.push(entry),
    ...options,
  })
  return { logger, entries, clock, messages: () => entries.map(({ message }) => message) }
}

describe('sampling', () => {
  it('keeps about the share of the calls that was asked for, and all lines of a call or none', () => {
    const { logger, entries } = keptLines({ sampling: { info: 0.2 } })
    const calls = 5000
    for (let call = 0; call < calls; call += 1) {
      runInContext({ correlationId: `call-${call}` }, () => {
        logger.info('begun')
        logger.info('ended')
      })
    }
    const perCall = Map.groupBy(entries, ({ correlationId }) => correlationId)
    expect([...perCall.values()].every((lines) => lines.length === 2)).toBe(true)
    expect(perCall.size / calls).toBeGreaterThan(0.17)
    expect(perCall.size / calls).toBeLessThan(0.23)
    expect(logger.stats()).toMatchObject({ written: entries.length, sampledOut: 2 * calls - entries.length })
  })

  it('decides in every service alike', () => {
    const one = keptLines({ sampling: { info: 0.5 } })
    const other = keptLines({ sampling: { info: 0.5 }, service: 'another' })
    for (let call = 0; call < 100; call += 1) {
      runInContext({ correlationId: `call-${call}` }, () => {
        one.logger.info('x')
        other.logger.info('x')
      })
    }
    const ids = ({ entries }: typeof one): unknown[] => entries.map(({ correlationId }) => correlationId)
    expect(ids(one)).toEqual(ids(other))
  })

  it('draws lines outside of any call one by one, and leaves other levels alone', () => {
    const draws = [0.1, 0.9, 0.4999, 0.5]
    const { logger, messages } = keptLines({ sampling: { debug: 0.5, trace: 0, info: 1 }, random: () => draws.shift() ?? 0 })
    for (const each of [1, 2, 3, 4]) logger.debug(`debug ${each}`)
    logger.trace('trace')
    logger.info('info')
    logger.error('error')
    expect(messages()).toEqual(['debug 1', 'debug 3', 'info', 'error'])
  })
})

describe('a burst', () => {
  it('is cut for each logger, level and message, and says how much was left out when its window ends', async () => {
    const { logger, entries, messages, clock } = keptLines({ burst: { lines: 2, perMs: 1000 } })
    const kafka = logger.child({ logger: 'kafka' })
    for (let line = 0; line < 5; line += 1) {
      kafka.error('broker is gone', { line })
      kafka.warn('broker is gone')
      logger.error('broker is gone')
    }
    kafka.error('something else')
    expect(entries).toHaveLength(7)
    await clock.advance(1000)
    expect(entries.slice(7)).toMatchObject([
      { level: 'error', logger: 'kafka', message: '3 more in 1000 ms: broker is gone', suppressedLines: 3 },
      { level: 'warn', logger: 'kafka', message: '3 more in 1000 ms: broker is gone', suppressedLines: 3 },
      { level: 'error', message: '3 more in 1000 ms: broker is gone', suppressedLines: 3 },
    ])
    kafka.error('broker is gone')
    expect(messages().at(-1)).toBe('broker is gone')
    expect(logger.stats()).toMatchObject({ suppressed: 9 })
    expect(clock.pendingTimers).toBe(0)
  })

  it('is told at a flush and at the end', async () => {
    const { logger, messages, clock } = keptLines({ burst: { lines: 1 } })
    for (let line = 0; line < 3; line += 1) logger.info('x')
    await logger.flush()
    expect(messages()).toEqual(['x', '2 more in 1000 ms: x'])
    for (let line = 0; line < 3; line += 1) logger.info('y')
    await logger.close()
    expect(messages().slice(2)).toEqual(['y', '2 more in 1000 ms: y'])
    expect(clock.pendingTimers).toBe(0)
  })

  it('of messages that are all different costs bounded memory', async () => {
    const { logger, entries } = keptLines({ burst: { lines: 1 } })
    for (let line = 0; line < 5000; line += 1) logger.info(`order ${line}`)
    expect(entries.length).toBeLessThan(1010)
    await logger.flush()
    expect(entries.at(-1)).toMatchObject({ message: '3999 more in 1000 ms: (various messages)', suppressedLines: 3999 })
  })
})

describe('excluded paths', () => {
  it('leave out what is about them, whatever the field is called, but not what went wrong', () => {
    const { logger, messages } = keptLines({ excludePaths: ['/health', '/static/*', '*.ico'] })
    logger.info('1', { path: '/health' })
    logger.info('2', { url: 'http://localhost:8080/health?full=1' })
    logger.debug('3', { 'url.path': '/static/a/b.js' })
    logger.info('4', { path: '/favicon.ico' })
    logger.info('kept', { path: '/healthy' })
    logger.info('kept', { path: '/orders', other: '/health' })
    logger.info('kept')
    logger.warn('kept', { path: '/health' })
    expect(messages()).toEqual(['kept', 'kept', 'kept', 'kept'])
    expect(logger.stats()).toMatchObject({ excluded: 4, written: 4 })
  })
})
