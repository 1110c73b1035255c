import { mkdtempSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLogger, type LogEntry } from '@comm/logging'
import { TestClock } from '@comm/testkit'
import { afterAll, describe, expect, it } from '@jest/globals'

const folder = mkdtempSync(join(tmpdir(), 'comm-logging-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function entriesOf(file: string): LogEntry[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as LogEntry)
}

describe('a file as destination', () => {
  it('is made with its folders, for its owner and group only, and has each line when the call returns', async () => {
    const file = join(folder, 'logs', 'today', 'app.log')
    await using logger = createLogger({ env: {}, destination: { file } })
    for (let line = 1; line <= 3; line += 1) {
      logger.info('line', { line })
      expect(entriesOf(file)).toHaveLength(line)
    }
    expect(statSync(file).mode & 0o007).toBe(0)
  })

  it('is appended to', async () => {
    const file = join(folder, 'append.log')
    for (const message of ['one', 'two']) {
      await using logger = createLogger({ env: {}, destination: { file } })
      logger.info(message)
    }
    expect(entriesOf(file).map(({ message }) => message)).toEqual(['one', 'two'])
  })

  it('that was moved away is made anew within a second', async () => {
    const clock = new TestClock()
    const file = join(folder, 'rotated.log')
    await using logger = createLogger({ env: {}, clock, destination: { file } })
    logger.info('before')
    renameSync(file, `${file}.1`)
    logger.info('right after')
    await clock.advance(1000)
    logger.info('later')
    expect(entriesOf(`${file}.1`).map(({ message }) => message)).toEqual(['before', 'right after'])
    expect(entriesOf(file).map(({ message }) => message)).toEqual(['later'])
  })
})

describe('a full disk', () => {
  /** Takes no byte: ENOSPC. */
  const full = '/dev/full'

  it('costs bounded memory and counted lines, never the caller; flush waits no longer than flushMs', async () => {
    const clock = new TestClock()
    const logger = createLogger({ env: {}, clock, destination: { file: full }, maxBufferedBytes: 65_536, flushMs: 500 })
    for (let line = 0; line < 2000; line += 1) logger.info('x'.repeat(100), { line })
    const { bufferedBytes, dropped, written } = logger.stats()
    expect(written).toBe(2000)
    expect(bufferedBytes).toBeLessThanOrEqual(65_536)
    expect(dropped).toBeGreaterThan(1000)
    let flushed = false
    const flush = logger.flush().then(() => {
      flushed = true
    })
    await clock.advance(490)
    expect(flushed).toBe(false)
    await clock.advance(20)
    await flush
    const closed = logger.close()
    await clock.advance(2000)
    await closed
    expect(clock.pendingTimers).toBe(0)
  })
})
