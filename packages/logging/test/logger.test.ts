import { execFileSync } from 'node:child_process'
import { CommunicationError, type LogLevel, runInContext } from '@comm/core'
import { createLogger, type LogEntry, type LoggingOptions } from '@comm/logging'
import { TestClock } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'

/** A logger whose lines are kept. Its environment is empty unless given. */
function keptLines(options: LoggingOptions = {}) {
  const lines: string[] = []
  const logger = createLogger({ env: {}, clock: new TestClock(), destination: (line) => void lines.push(line), ...options })
  return { logger, lines, entries: () => lines.map((line) => JSON.parse(line) as LogEntry) }
}

describe('a JSON line', () => {
  it('has time, level and message, then who speaks, then the fields', () => {
    const { logger, lines } = keptLines({ service: 'orders', name: 'http', fields: { region: 'eu' } })
    logger.info('order placed', { orderId: 7, tags: ['new', null] })
    expect(lines).toEqual([
      '{"timestamp":"2026-01-01T00:00:00.000Z","level":"info","message":"order placed","logger":"http","service":"orders","region":"eu","orderId":7,"tags":["new",null]}',
    ])
  })

  it('is written by the time the call returns, from the first one on', () => {
    const { logger, lines } = keptLines()
    for (let line = 1; line <= 100; line += 1) {
      logger.info(`line ${line}`)
      expect(lines).toHaveLength(line)
    }
  })

  it('stays one line, whatever the message holds', () => {
    const { logger, lines, entries } = keptLines()
    logger.info('forged\n{"level":"error"}\u2028\u0000')
    expect(lines).toHaveLength(1)
    expect(lines[0]).not.toMatch(/[\n\0]/)
    expect(entries()[0]?.message).toBe('forged\n{"level":"error"}\u2028\u0000')
  })

  it('carries the correlation id of the call, unless a field says otherwise', () => {
    const { logger, entries } = keptLines()
    runInContext({ correlationId: 'call-1' }, () => {
      logger.info('inside')
      logger.info('on behalf of another', { correlationId: 'call-2' })
    })
    logger.info('outside')
    expect(entries().map(({ correlationId }) => correlationId)).toEqual(['call-1', 'call-2', undefined])
  })

  it('keeps a field whose name the line itself uses', () => {
    const { logger, entries } = keptLines({ service: 'orders' })
    logger.info('the real one', { message: 'mine', level: 'mine', timestamp: 1, service: 'users', fields: { other: 1 } })
    expect(entries()[0]).toMatchObject({
      message: 'the real one',
      level: 'info',
      service: 'orders',
      fields: { message: 'mine', level: 'mine', timestamp: 1, service: 'users', other: 1 },
    })
  })

  it('shows an error with its code, details and cause chain', () => {
    const { logger, entries } = keptLines()
    const root = Object.assign(new Error('connect ECONNREFUSED'), {
      code: 'ECONNREFUSED',
      port: 5672,
      socket: { secretly: 'huge' },
    })
    const error = new CommunicationError('cannot publish', {
      code: 'COMM_CLOSED',
      cause: new Error('middle', { cause: root }),
      details: { topic: 'a' },
    })
    logger.error('failed', { error })
    expect(entries()[0]?.error).toEqual({
      name: 'CommunicationError',
      message: 'cannot publish',
      code: 'COMM_CLOSED',
      retryable: false,
      details: { topic: 'a' },
      stack: expect.stringMatching(/^CommunicationError: cannot publish\n\s+at /),
      cause: {
        name: 'Error',
        message: 'middle',
        stack: expect.any(String),
        cause: { name: 'Error', message: 'connect ECONNREFUSED', code: 'ECONNREFUSED', port: 5672, stack: expect.any(String) },
      },
    })
  })

  it('leaves stacks away when told so', () => {
    const { logger, entries } = keptLines({ stacks: false })
    logger.error('failed', { error: new RangeError('x') })
    expect(entries()[0]?.error).toEqual({ name: 'RangeError', message: 'x' })
  })
})

describe('levels', () => {
  const logAll = (logger: ReturnType<typeof createLogger>): void => {
    for (const level of ['trace', 'debug', 'info', 'warn', 'error'] as const) logger[level](level)
  }

  it.each<[LoggingOptions, string[]]>([
    [{}, ['info', 'warn', 'error']],
    [{ level: 'trace' }, ['trace', 'debug', 'info', 'warn', 'error']],
    [{ level: 'ERROR' }, ['error']],
    [{ level: 'silent' }, []],
    [{ env: { LOG_LEVEL: 'WARNING' } }, ['warn', 'error']],
    [{ env: { LOG_LEVEL: 'Debug' } }, ['debug', 'info', 'warn', 'error']],
    [{ env: { LOG_LEVEL: 'CRITICAL' } }, ['error']],
    [{ env: { LOG_LEVEL: '' } }, ['info', 'warn', 'error']],
    [{ level: 'error', env: { LOG_LEVEL: 'debug' } }, ['error']],
  ])('%j lets through what it should', (options, expected) => {
    const { logger, entries } = keptLines(options)
    logAll(logger)
    expect(entries().map(({ message }) => message)).toEqual(expected)
  })

  it('can be set for one logger by its name, and for those below it', () => {
    const { logger, entries } = keptLines({ level: 'error', levels: { messaging: 'debug', 'messaging.redis': 'WARN' } })
    for (const name of ['messaging', 'messaging.kafka', 'messaging.redis', 'messagingX'])
      logger.child({ logger: name }).info(name)
    expect(entries().map(({ logger: name }) => name)).toEqual(['messaging', 'messaging.kafka'])
  })

  it('can be changed while running, for loggers that exist already too', () => {
    const { logger, entries } = keptLines()
    const kafka = logger.child({ logger: 'kafka' })
    const http = logger.child({ logger: 'http' })
    const enabled = (): boolean[] => [logger, kafka, http].map((each) => each.isEnabled('debug'))
    expect(enabled()).toEqual([false, false, false])
    kafka.setLevel('debug')
    expect(enabled()).toEqual([false, true, false])
    expect(kafka.level).toBe('debug')
    logger.setLevel('DEBUG')
    expect(enabled()).toEqual([true, true, true])
    logger.setLevel('silent', 'http')
    expect(enabled()).toEqual([true, true, false])
    http.error('dropped')
    kafka.debug('kept')
    expect(entries().map(({ message }) => message)).toEqual(['kept'])
  })

  it('are not looked at in a line that is dropped', () => {
    const { logger } = keptLines()
    let read = 0
    const fields = {
      get costly() {
        read += 1
        return 1
      },
    }
    logger.debug('dropped', fields)
    expect(read).toBe(0)
    for (const level of ['trace', 'debug'] satisfies LogLevel[]) expect(logger.isEnabled(level)).toBe(false)
  })
})

describe('a child', () => {
  it('adds its fields to those of its parent and has its own name', () => {
    const { logger, entries } = keptLines({ name: 'root', fields: { a: 1 } })
    const child = logger.child({ b: 2 })
    child.child({ logger: 'deep', a: 3, password: 'p' }).info('x', { c: 4 })
    child.info('y')
    expect(entries()).toMatchObject([
      { logger: 'deep', a: 3, b: 2, c: 4, password: '[redacted]' },
      { logger: 'root', a: 1, b: 2 },
    ])
  })
})

describe('importing and creating', () => {
  it('loads winston with the first line only', () => {
    const loaded = `
      import { createRequire } from 'node:module'
      import { createLogger } from '@comm/logging'
      const { cache } = createRequire(import.meta.url)
      const has = () => Object.keys(cache).some((path) => path.includes('/winston/'))
      const logger = createLogger({ level: 'error', destination: () => {} })
      logger.info('dropped')
      const before = has()
      logger.error('written')
      console.log(before, has(), process.listenerCount('exit'), process.listenerCount('uncaughtException'))`
    const output = execFileSync(process.execPath, ['--conditions=@comm/source', '--input-type=module', '--eval', loaded], {
      cwd: import.meta.dirname,
      encoding: 'utf8',
    })
    expect(output).toBe('false true 0 0\n')
  })
})
