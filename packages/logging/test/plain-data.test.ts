import { runInNewContext } from 'node:vm'
import { createLogger, type LogEntry, type LoggingOptions } from '@comm/logging'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'

/** What becomes of the fields of one line. */
function logged(fields: unknown, options: LoggingOptions = {}, message = 'm'): LogEntry {
  const lines: string[] = []
  const logger = createLogger({ env: {}, destination: (line) => void lines.push(line), ...options })
  logger.info(message, fields as Record<string, unknown>)
  expect(lines).toHaveLength(1)
  return JSON.parse(lines[0] as string) as LogEntry
}

function thrower(): never {
  throw new Error('hostile')
}

describe('redaction', () => {
  it('hides the values of secret keys, however deep, in arrays and maps', () => {
    const entry = logged({
      password: 'p1',
      headers: { Authorization: 'p2', 'set-cookie': ['p3'], 'x-api-key': 'p4', accept: '*/*' },
      list: [{ refresh_token: 'p5' }, [{ clientSecret: { deep: 'p6' } }]],
      map: new Map([['apiKey', 'p7']]),
      pin: 1,
    })
    expect(JSON.stringify(entry)).not.toMatch(/p\d/)
    expect(entry).toMatchObject({ password: '[redacted]', headers: { accept: '*/*' }, pin: 1 })
  })

  it('tells whether a secret is there', () => {
    expect(logged({ token: null, password: true, secret: '', cookie: 0 })).toMatchObject({
      token: null,
      password: true,
      secret: '[redacted]',
      cookie: '[redacted]',
    })
  })

  it('takes more keys, and fewer', () => {
    const options = { redactKeys: ['iban', 'card-holder'], revealKeys: ['csrf_token'] }
    expect(logged({ IBAN: 'DE1', cardHolder: 'x', csrfToken: 'c', token: 't' }, options)).toMatchObject({
      IBAN: '[redacted]',
      cardHolder: '[redacted]',
      csrfToken: 'c',
      token: '[redacted]',
    })
  })

  it('hides credentials in texts: messages, fields, errors and their stacks', () => {
    const error = new Error('cannot reach amqp://user:hunter2@mq', { cause: 'redis://:hunter2@cache' })
    const entry = logged({ error, at: new URL('https://user:hunter2@host/?api_key=hunter2') }, {}, 'to https://u:hunter2@h')
    expect(JSON.stringify(entry)).not.toContain('hunter2')
    expect(entry.message).toBe('to https://[redacted]@h')
  })

  it('hides a secret at the end of a text that is cut', () => {
    const text = `${'x'.repeat(80)} amqp://user:hunter2@mq`
    for (let length = 80; length < text.length; length += 1) {
      expect(JSON.stringify(logged({ text }, { maxTextLength: length }))).not.toContain('hunter')
    }
  })
})

describe('hostile values', () => {
  const cyclic: Record<string, unknown> = { name: 'a' }
  cyclic.self = cyclic
  const loop = new Error('loop')
  loop.cause = loop
  const { proxy: revoked, revoke } = Proxy.revocable({}, {})
  revoke()

  it.each<[string, unknown, unknown]>([
    ['bigint', 5n, '5'],
    ['symbol', Symbol('s'), 'Symbol(s)'],
    ['function', thrower, '[function]'],
    ['NaN', Number.NaN, 'NaN'],
    ['-Infinity', Number.NEGATIVE_INFINITY, '-Infinity'],
    ['date', new Date(0), '1970-01-01T00:00:00.000Z'],
    ['invalid date', new Date(Number.NaN), 'Invalid Date'],
    ['foreign date', runInNewContext('new Date(0)'), '1970-01-01T00:00:00.000Z'],
    ['regexp', /a/g, '/a/g'],
    ['bytes', Buffer.from('secret'), '[6 bytes]'],
    ['buffer', new ArrayBuffer(3), '[3 bytes]'],
    ['set', new Set([1, 2]), [1, 2]],
    [
      'map',
      new Map<unknown, unknown>([
        ['a', 1],
        [{}, 2],
        [Symbol('k'), 3],
      ]),
      { a: 1, '[object]': 2, 'Symbol(k)': 3 },
    ],
    ['cycle', cyclic, { name: 'a', self: '[circular]' }],
    ['twice, no cycle', [cyclic.name, { x: 1 }], ['a', { x: 1 }]],
    [
      'getter that throws',
      {
        get bad() {
          return thrower()
        },
        good: 1,
      },
      { bad: '[unreadable]', good: 1 },
    ],
    ['toJSON that throws', { toJSON: thrower }, '[unreadable]'],
    ['toJSON', { toJSON: () => ({ password: 'p', a: 1 }) }, { password: '[redacted]', a: 1 }],
    ['null prototype', Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
    ['__proto__', JSON.parse('{"__proto__":{"polluted":1}}'), { '[__proto__]': { polluted: 1 } }],
    ['undefined in an array', [undefined, 1], [null, 1]],
    ['revoked proxy', revoked, '[unreadable]'],
    [
      'proxy that throws',
      new Proxy({}, { ownKeys: thrower, get: thrower, has: thrower, getPrototypeOf: thrower }),
      '[unreadable]',
    ],
  ])('%s', (_what, value, expected) => {
    expect(logged({ value }).value).toEqual(expected)
  })

  it('errors: of another realm, in a circle, with many causes, with odd parts', () => {
    const foreign: unknown = runInNewContext("Object.assign(new TypeError('x'), { code: 'C' })")
    expect(logged({ foreign }).foreign).toMatchObject({ name: 'TypeError', message: 'x', code: 'C' })
    expect(logged({ loop }).loop).toMatchObject({ message: 'loop', cause: '[circular]' })
    const both = new AggregateError([new Error('one'), new Error('two')], 'both')
    expect(logged({ both }).both).toMatchObject({ message: 'both', errors: [{ message: 'one' }, { message: 'two' }] })
    const odd = Object.defineProperty(new Error('odd'), 'stack', { get: thrower })
    expect(logged({ odd }).odd).toBe('[unreadable]')
    let deep = new Error('0')
    for (let depth = 1; depth < 50; depth += 1) deep = new Error(String(depth), { cause: deep })
    expect(JSON.stringify(logged({ deep }))).toContain('[too deep]')
  })

  it('texts and structures of any size', () => {
    const entry = logged(
      { text: 'x'.repeat(1_000_000), list: Array.from({ length: 100_000 }, (_, index) => index) },
      {},
      'm'.repeat(1_000_000),
    )
    expect(entry.text).toBe(`${'x'.repeat(8192)}… (991808 more characters)`)
    expect(entry.message).toHaveLength(8192 + '… (991808 more characters)'.length)
    expect((entry.list as unknown[]).at(-1)).toBe('… 99502 more')
    expect(logged({ a: 1, b: 2, c: 3 }, { maxValues: 2 })).toMatchObject({ a: 1, b: 2, '…': '1 more' })
    let nested: unknown = 'leaf'
    for (let depth = 0; depth < 100_000; depth += 1) nested = [nested]
    expect(JSON.stringify(logged({ nested }))).toContain('[too deep]')
  })

  it.each<[string, unknown, string]>([
    ['missing', undefined, 'undefined'],
    ['null', null, 'null'],
    ['a number', 7, '7'],
    ['a symbol', Symbol('m'), 'Symbol(m)'],
    ['an object', { toString: thrower, token: 't' }, '{"toString":"[function]","token":"[redacted]"}'],
    ['a null prototype', Object.create(null), '{}'],
    ['an error', new Error('boom'), 'boom'],
  ])('a message that is %s', (_what, message, expected) => {
    const lines: string[] = []
    createLogger({ env: {}, destination: (line) => void lines.push(line) }).info(message as string)
    expect(JSON.parse(lines[0] as string)).toMatchObject({ message: expected })
  })

  it.each<[string, unknown, object]>([
    ['null', null, {}],
    ['text', 'text', { value: 'text' }],
    ['a list', [1], { value: [1] }],
    ['an error', new Error('e'), { name: 'Error' }],
  ])('fields that are %s', (_what, fields, expected) => {
    expect(logged(fields)).toMatchObject({ level: 'info', ...expected })
  })

  it('anything at all', () => {
    fc.assert(
      fc.property(
        fc.anything({
          withBigInt: true,
          withDate: true,
          withMap: true,
          withSet: true,
          withNullPrototype: true,
          withTypedArray: true,
        }),
        (value) => {
          expect(logged({ value }).level).toBe('info')
        },
      ),
      { numRuns: 300 },
    )
  })
})
