import { ConfigurationError } from '@comm/core'
import {
  anything,
  arrayOf,
  boolean,
  callable,
  checkArgument,
  checkOptions,
  describeValue,
  either,
  nonEmptyText,
  number,
  object,
  oneOf,
  type Rule,
  required,
  secret,
  text,
  withDefaults,
  withMethods,
} from '@comm/core/options'
import { describe, expect, it } from '@jest/globals'

function thrownBy(run: () => void): ConfigurationError {
  try {
    run()
  } catch (thrown) {
    if (thrown instanceof ConfigurationError) return thrown
    throw thrown
  }
  throw new Error('nothing was thrown')
}

describe('rules', () => {
  it.each<[string, Rule, unknown[], unknown[]]>([
    ['number', number(), [0, -1.5, Number.MAX_VALUE], ['1', Number.NaN, Number.POSITIVE_INFINITY, 1n, null]],
    ['a range', number({ min: 0, max: 1 }), [0, 0.5, 1, -0], [-0.001, 1.001]],
    ['above', number({ above: 0 }), [Number.MIN_VALUE, 1], [0, -1, Number.POSITIVE_INFINITY]],
    ['an integer', number({ min: 1, integer: true }), [1, 7], [0, 1.5, Number.POSITIVE_INFINITY]],
    ['no limit', number({ min: 0, infinite: true }), [0, Number.POSITIVE_INFINITY], [Number.NEGATIVE_INFINITY, Number.NaN]],
    ['a range without its end', number({ above: 0 }), [Number.MIN_VALUE, 1], [0, -1]],
    [
      'withMethods',
      withMethods('a Clock', 'now'),
      [
        { now: () => 0 },
        new (class {
          now(): void {}
        })(),
      ],
      [{}, { now: 1 }, null, Date.now],
    ],
    ['boolean', boolean, [true, false], [0, 'true', null]],
    ['text', text, ['', 'a'], [1, null]],
    ['nonEmptyText', nonEmptyText, ['a'], ['', undefined]],
    ['callable', callable, [() => 1, class {}], ['f', {}]],
    ['object', object, [{}, new Map(), Object.create(null)], [null, [], () => 1, 'a']],
    ['anything', anything, [undefined, null, 1], []],
    ['oneOf', oneOf('a', 1), ['a', 1], ['b', '1', undefined]],
    ['arrayOf', arrayOf(text), [[], ['a']], [[1], 'a', { 0: 'a' }]],
    ['either', either(text, number()), ['a', 1], [true, null]],
  ])('%s accepts what it should and nothing else', (_name, rule, good, bad) => {
    for (const value of good) expect(rule.accepts(value)).toBe(true)
    for (const value of bad) expect(rule.accepts(value)).toBe(false)
  })

  it.each<[Rule, string]>([
    [number(), 'a finite number'],
    [number({ min: 0 }), 'a finite number >= 0'],
    [number({ max: 9 }), 'a finite number <= 9'],
    [number({ min: 0, max: 1 }), 'a finite number >= 0 and <= 1'],
    [number({ above: 0, max: 1 }), 'a finite number > 0 and <= 1'],
    [number({ min: 1, integer: true, infinite: true }), 'an integer >= 1 or Infinity'],
    [oneOf('json', 'pretty'), "one of 'json', 'pretty'"],
    [arrayOf(nonEmptyText), 'an array, each item a non-empty string'],
    [either(boolean, object), 'true or false or an object'],
  ])('%# says what it wants', (rule, expected) => {
    expect(rule.expected).toBe(expected)
  })
})

describe('checkOptions', () => {
  interface Options {
    readonly delayMs?: number
    readonly name?: string
    readonly password?: string
  }
  const RULES = { delayMs: number({ min: 0 }), name: required(nonEmptyText), password: secret(text) }
  const check = (received: unknown): void => checkOptions<Options>('retry', received as Options, RULES)

  it('lets good options and absent or undefined ones through', () => {
    check({ name: 'a' })
    check({ name: 'a', delayMs: undefined, password: 'p' })
  })

  it.each<[string, unknown, string]>([
    ['a wrong value', { name: 'a', delayMs: -5 }, 'retry.delayMs must be a finite number >= 0, got -5'],
    ['a missing one', {}, 'retry.name must be a non-empty string, got nothing'],
    ['a secret', { name: 'a', password: 42 }, 'retry.password must be a string, got [redacted]'],
    ['an unknown one', { name: 'a', delay: 5 }, 'retry.delay is an unknown option, known are delayMs, name, password'],
    [
      'one named like a method of every object',
      { name: 'a', toString: 1 },
      'retry.toString is an unknown option, known are delayMs, name, password',
    ],
    ['nothing at all', undefined, 'retry must be an object, got undefined'],
    ['an array', [], 'retry must be an object, got an array of 0'],
  ])('refuses %s', (_what, received, message) => {
    expect(thrownBy(() => check(received)).message).toBe(message)
  })

  it('names every problem at once', () => {
    const error = thrownBy(() => check({ delayMs: Number.NaN, name: '', password: 1, jitter: true }))
    expect(error.message).toBe(
      [
        '4 options of retry are wrong:',
        '  retry.delayMs must be a finite number >= 0, got NaN',
        "  retry.name must be a non-empty string, got ''",
        '  retry.password must be a string, got [redacted]',
        '  retry.jitter is an unknown option, known are delayMs, name, password',
      ].join('\n'),
    )
    expect(error.problems.map(({ key }) => key)).toEqual(['retry.delayMs', 'retry.name', 'retry.password', 'retry.jitter'])
    expect(error).toMatchObject({ code: 'COMM_CONFIGURATION', retryable: false, details: { problems: error.problems } })
  })
})

describe('checkArgument', () => {
  it('names the argument, what came and what was wanted', () => {
    checkArgument('topic', 'orders', nonEmptyText)
    expect(thrownBy(() => checkArgument('topic', '', nonEmptyText)).message).toBe("topic must be a non-empty string, got ''")
    expect(thrownBy(() => checkArgument('token', 7, secret(text))).message).toBe('token must be a string, got [redacted]')
  })
})

describe('describeValue', () => {
  const unreadable = new Proxy({}, { ownKeys: () => [] as never[], getPrototypeOf: () => null })
  it.each<[string, unknown, string]>([
    ['text', 'a\nb', "'a\\nb'"],
    ['long text', 'x'.repeat(100), `'${'x'.repeat(57)}...'`],
    ['credentials', 'amqp://user:secret@host', "'amqp://[redacted]@host'"],
    ['bigint', 7n, '7n'],
    ['symbol', Symbol('s'), 'Symbol(s)'],
    ['function', () => 1, 'a function'],
    ['array', [1, 2], 'an array of 2'],
    ['object', { a: 1, password: 'p' }, 'an object with keys a, password'],
    ['empty', unreadable, 'an object with keys (none)'],
    ['null', null, 'null'],
  ])('shows %s', (_what, value, shown) => {
    expect(describeValue(value)).toBe(shown)
  })

  it('is total', () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    expect(describeValue(proxy)).toBe('an object that cannot be read')
  })
})

describe('withDefaults', () => {
  it('fills in what is absent or undefined and changes neither argument', () => {
    const defaults = Object.freeze({ delayMs: 5, name: 'a' })
    const given: { readonly delayMs?: number; readonly name?: string; readonly label?: string } = Object.freeze({ name: 'b' })
    expect(withDefaults(defaults, given)).toEqual({ delayMs: 5, name: 'b' })
    const sloppy: { readonly delayMs?: number; readonly label?: string } = Object.fromEntries([
      ['delayMs', undefined],
      ['label', undefined],
    ])
    expect(withDefaults({ delayMs: 5 }, sloppy)).toEqual({ delayMs: 5, label: undefined })
  })
})
