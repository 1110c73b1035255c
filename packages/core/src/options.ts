import { inspect } from 'node:util'
import { describeValue } from './describe-value.ts'
import { ConfigurationError, type Problem } from './errors/errors.ts'
import { REDACTED } from './redact.ts'

export { describeValue }

/** Says what a value must be, and tells whether it is. */
export interface Rule {
  /** Completes the sentence `key must be …`. */
  readonly expected: string
  readonly accepts: (value: unknown) => boolean
  /** The value never appears in a message. */
  readonly secret?: true
  /** The option must be given. */
  readonly required?: true
}

export interface NumberRange {
  readonly min?: number
  /** Excluded itself; instead of `min`. */
  readonly above?: number
  readonly max?: number
  readonly integer?: true
  /** Accept `Infinity` as "no limit". */
  readonly infinite?: true
}

/** A finite number in a range (`{ min: 0 }`, `{ min: 1, integer: true }`); a ratio is `{ min: 0, max: 1 }`, more than 0 is `{ above: 0 }`. */
export function number(range: NumberRange = {}): Rule {
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY, above, integer = false, infinite = false } = range
  const kind = integer ? 'an integer' : 'a finite number'
  const least = min === Number.NEGATIVE_INFINITY ? '' : ` >= ${min}`
  const low = above === undefined ? least : ` > ${above}`
  const high = max === Number.POSITIVE_INFINITY ? '' : `${low && ' and'} <= ${max}`
  return {
    expected: `${kind}${low}${high}${infinite ? ' or Infinity' : ''}`,
    accepts: (value) =>
      typeof value === 'number' &&
      (Number.isFinite(value) ? !integer || Number.isInteger(value) : infinite && value === Number.POSITIVE_INFINITY) &&
      value >= min &&
      value <= max &&
      (above === undefined || value > above),
  }
}

export const boolean: Rule = { expected: 'true or false', accepts: (value) => typeof value === 'boolean' }
export const text: Rule = { expected: 'a string', accepts: (value) => typeof value === 'string' }
export const nonEmptyText: Rule = {
  expected: 'a non-empty string',
  accepts: (value) => typeof value === 'string' && value.length > 0,
}
export const callable: Rule = { expected: 'a function', accepts: (value) => typeof value === 'function' }
export const object: Rule = {
  expected: 'an object',
  accepts: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
}

/** An object that can do what will be asked of it: `withMethods('a Clock', 'now', 'setTimer')`. */
export function withMethods(expected: string, ...names: readonly string[]): Rule {
  return {
    expected: `${expected} (with ${names.map((name) => `${name}()`).join(', ')})`,
    accepts: (value) =>
      typeof value === 'object' &&
      value !== null &&
      names.every((name) => typeof (value as Readonly<Record<string, unknown>>)[name] === 'function'),
  }
}

/** Any value: the option is checked elsewhere. */
export const anything: Rule = { expected: 'anything', accepts: () => true }

export function oneOf(...allowed: readonly unknown[]): Rule {
  return { expected: `one of ${allowed.map((value) => inspect(value)).join(', ')}`, accepts: (value) => allowed.includes(value) }
}

export function arrayOf(item: Rule): Rule {
  return {
    expected: `an array, each item ${item.expected}`,
    accepts: (value) => Array.isArray(value) && value.every(item.accepts),
  }
}

export function either(...rules: readonly Rule[]): Rule {
  return {
    expected: rules.map((rule) => rule.expected).join(' or '),
    accepts: (value) => rules.some((rule) => rule.accepts(value)),
  }
}

export function required(rule: Rule): Rule {
  return { ...rule, required: true }
}

export function secret(rule: Rule): Rule {
  return { ...rule, secret: true }
}

/** What was received where no such option exists. */
export const UNKNOWN = 'an unknown option'

export type Rules<Options> = { readonly [Key in keyof Required<Options>]: Rule }

/**
 * Checks an options object at the door. An absent or `undefined` option is fine unless its rule is `required`; a key without
 * a rule is refused.
 *
 * @param what names the options in messages: `retry` gives ``retry.baseDelayMs must be a finite number >= 0, got -5``
 * @throws ConfigurationError with every problem at once
 */
export function checkOptions<Options extends object>(what: string, received: Options, rules: Rules<Options>): void {
  if (!object.accepts(received)) fail(what, [{ key: what, received: describeValue(received), expected: 'an object' }])
  const problems: Problem[] = []
  const known = rules as Readonly<Record<string, Rule>>
  for (const name of Object.keys(received)) {
    const value = (received as Readonly<Record<string, unknown>>)[name]
    const rule = Object.hasOwn(known, name) ? known[name] : undefined
    if (rule === undefined) {
      problems.push({ key: `${what}.${name}`, received: UNKNOWN, expected: Object.keys(known).join(', ') })
    } else if (value !== undefined && !rule.accepts(value)) {
      problems.push({
        key: `${what}.${name}`,
        received: rule.secret ? REDACTED : describeValue(value),
        expected: rule.expected,
      })
    }
  }
  for (const name of requiredOf(known)) {
    if ((received as Record<string, unknown>)[name] === undefined) {
      problems.push({ key: `${what}.${name}`, received: 'nothing', expected: known[name]?.expected ?? '' })
    }
  }
  if (problems.length > 0) fail(what, problems)
}

/** By the rules, which are made once: options of single calls are checked too. */
const requiredNames = new WeakMap<Readonly<Record<string, Rule>>, readonly string[]>()

function requiredOf(rules: Readonly<Record<string, Rule>>): readonly string[] {
  let names = requiredNames.get(rules)
  if (names === undefined) {
    names = Object.keys(rules).filter((name) => rules[name]?.required)
    requiredNames.set(rules, names)
  }
  return names
}

/** Checks one argument. @throws ConfigurationError naming it, what was received and what was expected */
export function checkArgument(key: string, value: unknown, rule: Rule): void {
  if (rule.accepts(value)) return
  fail(key, [{ key, received: rule.secret ? REDACTED : describeValue(value), expected: rule.expected }])
}

/** Says every problem at once, one a line. */
export function configurationError(what: string, problems: readonly Problem[]): ConfigurationError {
  const lines = problems.map(({ key, received, expected }) =>
    received === UNKNOWN ? `${key} is ${UNKNOWN}, known are ${expected}` : `${key} must be ${expected}, got ${received}`,
  )
  const message = lines.length === 1 ? String(lines[0]) : `${lines.length} options of ${what} are wrong:\n  ${lines.join('\n  ')}`
  return new ConfigurationError(message, { problems })
}

function fail(what: string, problems: readonly Problem[]): never {
  throw configurationError(what, problems)
}

/** The options with the defaults filled in, also where one is there but `undefined`. */
export function withDefaults<Options extends object, Name extends keyof Options>(
  defaults: { readonly [Key in Name]-?: Exclude<Options[Key], undefined> },
  options: Options,
): Options & { readonly [Key in Name]-?: Exclude<Options[Key], undefined> } {
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  return Object.assign({}, options, defaults, Object.fromEntries(given))
}
