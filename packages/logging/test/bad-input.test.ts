import { ConfigurationError } from '@comm/core'
import { type AuditTrailOptions, auditTrail, createLogger, type LoggingOptions, verifyAuditTrail } from '@comm/logging'
import { describe, expect, it } from '@jest/globals'

const KNOWN =
  'level, levels, format, service, name, fields, redactKeys, revealKeys, maxTextLength, maxValues, maxDepth, stacks, colors, destination, maxBufferedBytes, flushMs, sampling, burst, excludePaths, maxBodyLength, openTelemetry, transports, env, clock, random'
const LEVELS = 'one of trace, debug, info, warn, error, silent'

describe('createLogger refuses', () => {
  it.each<[object, string]>([
    [{ level: 'loud' }, `logging.level must be ${LEVELS}, got 'loud'`],
    [{ level: 3 }, `logging.level must be ${LEVELS}, got 3`],
    [
      { levels: { kafka: 'loud' } },
      `logging.levels must be an object of logger names, each ${LEVELS}, got an object with keys kafka`,
    ],
    [{ format: 'xml' }, "logging.format must be one of json, pretty, got 'xml'"],
    [{ service: '' }, "logging.service must be a non-empty string, got ''"],
    [{ name: 7 }, 'logging.name must be a non-empty string, got 7'],
    [{ fields: 'a=1' }, "logging.fields must be an object, got 'a=1'"],
    [{ redactKeys: 'iban' }, "logging.redactKeys must be an array, each item a non-empty string, got 'iban'"],
    [{ revealKeys: [''] }, 'logging.revealKeys must be an array, each item a non-empty string, got an array of 1'],
    [{ maxTextLength: 0 }, 'logging.maxTextLength must be an integer >= 1, got 0'],
    [{ maxValues: 1.5 }, 'logging.maxValues must be an integer >= 1, got 1.5'],
    [{ maxDepth: Number.POSITIVE_INFINITY }, 'logging.maxDepth must be an integer >= 1, got Infinity'],
    [{ stacks: 'yes' }, "logging.stacks must be true or false, got 'yes'"],
    [{ colors: 1 }, 'logging.colors must be true or false, got 1'],
    [{ destination: 'app.log' }, "logging.destination must be { file: 'path' }, a writable stream or a function, got 'app.log'"],
    [
      { destination: {} },
      "logging.destination must be { file: 'path' }, a writable stream or a function, got an object with keys (none)",
    ],
    [{ transports: {} }, 'logging.transports must be an array, each item an object, got an object with keys (none)'],
    [{ maxBufferedBytes: 100 }, 'logging.maxBufferedBytes must be an integer >= 65536, got 100'],
    [{ flushMs: -1 }, 'logging.flushMs must be a finite number >= 0, got -1'],
    [
      { sampling: { info: 2 } },
      'logging.sampling must be an object of levels (trace, debug, info, warn, error), each a finite number >= 0 and <= 1, got an object with keys info',
    ],
    [{ burst: {} }, 'logging.burst.lines must be an integer >= 1, got nothing'],
    [{ burst: { lines: 1, perMs: 0 } }, 'logging.burst.perMs must be a finite number > 0, got 0'],
    [
      { excludePaths: ['health'] },
      "logging.excludePaths must be an array, each item a path such as '/health' or '/static/*', got an array of 1",
    ],
    [{ maxBodyLength: -1 }, 'logging.maxBodyLength must be an integer >= 0, got -1'],
    [{ openTelemetry: 'on' }, "logging.openTelemetry must be true or false, got 'on'"],
    [{ random: 1 }, 'logging.random must be a function, got 1'],
    [{ clock: 5 }, 'logging.clock must be a Clock (with now(), wall(), setTimer()), got 5'],
    [{ colour: true }, `logging.colour is an unknown option, known are ${KNOWN}`],
    [{ env: { LOG_LEVEL: 'LOUD' } }, `environment variable LOG_LEVEL must be ${LEVELS}, got 'LOUD'`],
    [{ env: { LOG_FORMAT: 'xml' } }, "environment variable LOG_FORMAT must be one of json, pretty, got 'xml'"],
  ])('%j', (options, message) => {
    const create = (): unknown => createLogger(options as LoggingOptions)
    expect(create).toThrow(ConfigurationError)
    expect(create).toThrow(new Error(message))
  })

  it('every wrong option at once', () => {
    expect(() => createLogger({ level: 'loud', format: 'xml' } as unknown as LoggingOptions)).toThrow(
      new Error(
        `2 options of logging are wrong:\n  logging.level must be ${LEVELS}, got 'loud'\n  logging.format must be one of json, pretty, got 'xml'`,
      ),
    )
  })
})

describe('a file as destination', () => {
  it('is refused when nothing can be appended to it', () => {
    const create = (): unknown => createLogger({ env: {}, destination: { file: import.meta.dirname } })
    expect(create).toThrow(ConfigurationError)
    expect(create).toThrow(/^logging\.destination\.file must be a file that this process may append to, got '.*' \(EISDIR: .*\)$/)
  })
})

describe('auditTrail and verifyAuditTrail refuse', () => {
  it('what they cannot work with, and never show the key', async () => {
    const key = 'too short'
    expect(() => auditTrail({} as AuditTrailOptions)).toThrow('auditTrail.file must be a non-empty string, got nothing')
    expect(() => auditTrail({ file: 'x', key })).toThrow(
      'auditTrail.key must be a key of at least 16 bytes, as text or bytes, got [redacted]',
    )
    await expect(verifyAuditTrail('x', { head: { seq: -1, hash: 'a' } })).rejects.toThrow(
      'verifyAuditTrail.head.seq must be an integer >= 0, got -1',
    )
    await expect(verifyAuditTrail('', { key })).rejects.toThrow("verifyAuditTrail file must be a non-empty string, got ''")
  })
})

describe('a logger refuses', () => {
  it('a level that is none, while running', () => {
    const logger = createLogger({ env: {} })
    expect(() => logger.setLevel('loud' as 'info')).toThrow(`level must be ${LEVELS}, got 'loud'`)
    expect(() => logger.setLevel('info', '')).toThrow("name must be a non-empty string, got ''")
    expect(logger.level).toBe('info')
  })
})
