import { createLogger, type LoggingOptions } from '@comm/logging'
import { TestClock } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'

function prettyLines(options: LoggingOptions = {}) {
  const lines: string[] = []
  const destination = (line: string): void => void lines.push(line)
  const logger = createLogger({ env: {}, clock: new TestClock(), format: 'pretty', destination, ...options })
  return { logger, lines }
}

describe('a pretty line', () => {
  it('has its columns under each other', () => {
    const { logger, lines } = prettyLines({ service: 'shop' })
    logger.child({ logger: 'orders' }).info('order placed', { orderId: 7, note: 'two words', list: [1, 'a'] })
    logger.child({ logger: 'http' }).warn('slow', { url: '/users?page=2' })
    logger.error('no fields')
    expect(lines).toEqual([
      '00:00:00.000Z INFO  orders         order placed                         orderId=7 note="two words" list=[1,"a"]',
      '00:00:00.000Z WARN  http           slow                                 url="/users?page=2"',
      '00:00:00.000Z ERROR                no fields',
    ])
  })

  it('shows the stacks of an error and of its causes below', () => {
    const { logger, lines } = prettyLines()
    const cause = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
    logger.error('failed', { error: new TypeError('outer', { cause }) })
    const [head, ...below] = (lines[0] as string).split('\n')
    expect(head).toMatch(/failed {31}error=TypeError: outer$/)
    expect(below[0]).toMatch(/^ {4}at .*pretty-line\.test/)
    expect(below).toContain('    caused by Error (ECONNREFUSED): refused')
  })

  it('cannot be forged, nor steer the terminal', () => {
    const { logger, lines } = prettyLines({ stacks: false })
    logger.info('a\nb\u001b[2J\u007f', { 'k\n': 'v\u009b', error: new Error('x\r\ny') })
    expect(lines[0]).not.toMatch(/\p{Cc}/u)
    expect(lines[0]).toContain('a\\nb\\u001b[2J')
  })

  it.each<[string, LoggingOptions, boolean]>([
    ['on demand', { colors: true }, true],
    ['not into a function', {}, false],
    ['with FORCE_COLOR', { env: { FORCE_COLOR: '1' } }, true],
    ['not with FORCE_COLOR=0', { env: { FORCE_COLOR: '0' } }, false],
    ['not with NO_COLOR', { env: { NO_COLOR: '1', FORCE_COLOR: '1' } }, false],
  ])('is coloured %s', (_when, options, colored) => {
    const { logger, lines } = prettyLines(options)
    logger.warn('w', { a: 1 })
    expect(lines[0]?.includes('\u001b[33mWARN')).toBe(colored)
  })

  it('is asked for by LOG_FORMAT, in any case', () => {
    const lines: string[] = []
    createLogger({ env: { LOG_FORMAT: 'Pretty' }, destination: (line) => void lines.push(line) }).info('m')
    createLogger({ env: { LOG_FORMAT: 'JSON' }, destination: (line) => void lines.push(line) }).info('m')
    expect(lines[0]).toMatch(/INFO/)
    expect(lines[1]).toMatch(/^\{.*\}$/)
  })
})
