import { once } from 'node:events'
import { PassThrough, Writable } from 'node:stream'
import { createLogger } from '@comm/logging'
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import winston from 'winston'

/** Warnings given to the process, which says them on standard error. */
const warnings: unknown[] = []

beforeEach(() => {
  warnings.length = 0
  jest.spyOn(process, 'emitWarning').mockImplementation((warning) => void warnings.push(warning))
})
afterEach(() => {
  jest.restoreAllMocks()
})

/** A stream that takes its time, and ends only what it has taken. */
function slowStream() {
  const taken: string[] = []
  const stream = new Writable({
    write(chunk, _encoding, next) {
      setImmediate(() => {
        taken.push(String(chunk))
        next()
      })
    },
  })
  return { stream, taken: () => taken.join('').split('\n').filter(Boolean) }
}

describe('a stream as destination', () => {
  it('has every line after flush, and stays open and without our listener after close', async () => {
    const { stream, taken } = slowStream()
    const logger = createLogger({ env: {}, destination: stream })
    for (let line = 0; line < 200; line += 1) logger.info(`line ${line}`)
    await logger.flush()
    expect(taken()).toHaveLength(200)
    logger.info('last')
    await logger.close()
    expect(taken()).toHaveLength(201)
    expect(stream.writableEnded).toBe(false)
    expect(stream.listenerCount('error')).toBe(0)
  })

  it('may break: the caller never notices, the process is warned once, flush and close still resolve', async () => {
    const stream = new PassThrough()
    const logger = createLogger({ env: {}, destination: stream })
    logger.info('one')
    stream.destroy(new Error('disk full'))
    logger.info('two')
    logger.info('three')
    await logger.flush()
    await logger.close()
    expect(warnings).toEqual(['log lines are lost, the destination stream failed: disk full'])
    expect(logger.stats().dropped).toBe(2)
  })
})

describe('a function as destination', () => {
  it('gets the line and its entry, and may throw', () => {
    const got: unknown[] = []
    const logger = createLogger({
      env: {},
      destination: (line, entry) => {
        got.push([JSON.parse(line), { ...entry }])
        throw new Error('broken receiver')
      },
    })
    logger.info('one', { a: 1 })
    logger.info('two')
    expect(got).toHaveLength(2)
    expect(got[0]).toMatchObject([
      { message: 'one', a: 1 },
      { message: 'one', a: 1 },
    ])
    expect(warnings).toEqual(['log lines are lost, the destination function failed: broken receiver'])
  })
})

describe('a function that is async, as destination', () => {
  it('may fail: the process is warned, not ended, and the line is counted', async () => {
    const logger = createLogger({
      env: {},
      destination: async () => {
        throw new Error('no way out')
      },
    })
    logger.info('one')
    await new Promise((resolve) => setImmediate(resolve))
    expect(warnings).toEqual(['log lines are lost, the destination function failed: no way out'])
    expect(logger.stats().dropped).toBe(1)
  })
})

describe('close', () => {
  it('is idempotent, works before the first line, and drops what comes later', async () => {
    const lines: string[] = []
    const logger = createLogger({ env: {}, destination: (line) => void lines.push(line) })
    const unused = createLogger({ env: {} })
    await unused.close()
    logger.info('kept')
    await Promise.all([logger.close(), logger.close()])
    logger.child({ logger: 'child' }).info('dropped')
    await logger.flush()
    await logger[Symbol.asyncDispose]()
    expect(lines).toHaveLength(1)
  })
})

describe('transports of winston', () => {
  it('get the redacted entries too, and are waited for', async () => {
    const { stream, taken } = slowStream()
    const logger = createLogger({ env: {}, destination: () => {}, transports: [new winston.transports.Stream({ stream })] })
    logger.error('failed', { password: 'p' })
    await logger.flush()
    await logger.close()
    stream.end()
    await once(stream, 'finish')
    expect(taken().map((line) => JSON.parse(line))).toMatchObject([{ message: 'failed', password: '[redacted]' }])
  })

  it('may have a level of their own, and may fail', () => {
    const seen: string[] = []
    const failing = new winston.transports.Stream({ stream: new PassThrough(), level: 'error' })
    Object.assign(failing, {
      log: (info: { readonly message: string }) => {
        seen.push(info.message)
        throw new Error('broken transport')
      },
    })
    const lines: string[] = []
    const logger = createLogger({ env: {}, destination: (line) => void lines.push(line), transports: [failing] })
    logger.info('below')
    logger.error('failed')
    expect(seen).toEqual(['failed'])
    expect(lines).toHaveLength(2)
    expect(warnings).toEqual(['log lines are lost, a transport of winston failed: broken transport'])
  })
})
