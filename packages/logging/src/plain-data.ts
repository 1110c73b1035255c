import { types } from 'node:util'
import { type LogFields, REDACTED, redactCredentials } from '@comm/core'

export interface PlainDataLimits {
  readonly maxTextLength: number
  readonly maxValues: number
  readonly maxDepth: number
  readonly stacks: boolean
}

/** Makes anything into data that JSON can hold, without secrets, cycles or surprises, in bounded size. Never throws. */
export interface PlainData {
  text(value: unknown): string
  fields(fields: LogFields | undefined): Readonly<Record<string, unknown>>
}

/** A cut must not take away the `@` by which a password in a URL is told. */
const LOOK_AHEAD = 1024
const LONGEST_KEY = 256
const UNREADABLE = '[unreadable]'

export function plainData(limits: PlainDataLimits, isSecret: (key: string) => boolean): PlainData {
  return {
    text(value) {
      if (typeof value === 'string') return cleanText(value, limits.maxTextLength)
      const plain = new Walk(limits, isSecret).value(value, [])
      if (typeof plain === 'string') return plain
      if (isWithMessage(plain)) return plain.message
      return JSON.stringify(plain) ?? 'undefined'
    },
    fields(fields) {
      if (fields === undefined || fields === null) return {}
      const plain = new Walk(limits, isSecret).value(fields, [])
      return typeof plain === 'object' && plain !== null && !Array.isArray(plain)
        ? (plain as Record<string, unknown>)
        : { value: plain }
    },
  }
}

/** An error where the message should be says its own. */
function isWithMessage(plain: unknown): plain is { readonly message: string } {
  return typeof plain === 'object' && plain !== null && 'message' in plain && typeof plain.message === 'string'
}

function cleanText(text: string, maxLength: number): string {
  if (text.length <= maxLength) return redactCredentials(text)
  const clean = redactCredentials(text.slice(0, maxLength + LOOK_AHEAD)).slice(0, maxLength)
  return `${clean}… (${text.length - maxLength} more characters)`
}

/** The way through the values of one line. */
class Walk {
  readonly #limits: PlainDataLimits
  readonly #isSecret: (key: string) => boolean
  #valuesLeft: number

  constructor(limits: PlainDataLimits, isSecret: (key: string) => boolean) {
    this.#limits = limits
    this.#isSecret = isSecret
    this.#valuesLeft = limits.maxValues
  }

  /** @param within the objects that this value is inside of, by which cycles are seen */
  value(value: unknown, within: readonly object[]): unknown {
    switch (typeof value) {
      case 'string':
        return cleanText(value, this.#limits.maxTextLength)
      case 'number':
        return Number.isFinite(value) ? value : String(value)
      case 'bigint':
      case 'symbol':
        return String(value)
      case 'function':
        return '[function]'
      case 'object':
        return value === null ? null : this.#object(value, within)
      default:
        return value
    }
  }

  #object(object: object, within: readonly object[]): unknown {
    if (within.includes(object)) return '[circular]'
    if (within.length >= this.#limits.maxDepth) return '[too deep]'
    const inside = [...within, object]
    try {
      if (isError(object)) return this.#error(object, inside)
      if (Array.isArray(object)) return this.#items(object, object.length, inside)
      if (types.isDate(object)) return Number.isNaN(object.getTime()) ? 'Invalid Date' : object.toISOString()
      if (types.isMap(object)) return this.#properties(mapEntries(object), object.size, inside)
      if (types.isSet(object)) return this.#items(object, object.size, inside)
      if (types.isRegExp(object)) return String(object)
      if (ArrayBuffer.isView(object) || types.isAnyArrayBuffer(object)) return `[${object.byteLength} bytes]`
      if ('toJSON' in object && typeof object.toJSON === 'function') return this.value(object.toJSON(), inside)
      const keys = Object.keys(object)
      return this.#properties(propertiesOf(object, keys), keys.length, inside)
    } catch {
      return UNREADABLE
    }
  }

  #items(items: Iterable<unknown>, count: number, inside: readonly object[]): unknown[] {
    const plain: unknown[] = []
    for (const item of items) {
      if (this.#valuesLeft <= 0) {
        plain.push(`… ${count - plain.length} more`)
        break
      }
      this.#valuesLeft -= 1
      plain.push(this.value(item, inside) ?? null)
    }
    return plain
  }

  #properties(entries: Iterable<Property>, count: number, inside: readonly object[]): Record<string, unknown> {
    const plain: Property[] = []
    let seen = 0
    for (const [key, value] of entries) {
      if (this.#valuesLeft <= 0) {
        plain.push(['…', `${count - seen} more`])
        break
      }
      seen += 1
      if (value === undefined) continue
      this.#valuesLeft -= 1
      plain.push([harmlessKey(key), this.#property(key, value, inside)])
    }
    return Object.fromEntries(plain)
  }

  /** That a secret is there, or is not, may be known: null, true and false are shown. */
  #property(key: string, value: unknown, inside: readonly object[]): unknown {
    if (value !== null && typeof value !== 'boolean' && this.#isSecret(key)) return REDACTED
    return this.value(value, inside)
  }

  /**
   * Name, message, code, stack, the cause chain, and what else the error says in single values and in `details`; other objects on an
   * error are requests, sockets and the like.
   */
  #error(error: ErrorLike, inside: readonly object[]): Record<string, unknown> {
    const { name, message, stack, cause, errors } = error
    const own = [...propertiesOf(error, Object.keys(error).slice(0, this.#valuesLeft))].filter(
      ([key, value]) => !ERROR_PARTS.has(key) && (isSingle(value) || (key === 'details' && hasKeys(value))),
    )
    const parts: readonly Property[] = [
      ['name', name],
      ['message', message],
      ...own,
      ['stack', this.#limits.stacks ? stack : undefined],
      ['cause', cause],
      ['errors', errors],
    ]
    return this.#properties(parts, parts.length, inside)
  }
}

type Property = readonly [key: string, value: unknown]

function isSingle(value: unknown): boolean {
  return typeof value !== 'object' || value === null
}

function hasKeys(value: unknown): boolean {
  return Object.keys(value as object).length > 0
}

interface ErrorLike {
  readonly name?: unknown
  readonly message: string
  readonly stack?: unknown
  readonly cause?: unknown
  readonly errors?: unknown
}

const ERROR_PARTS: ReadonlySet<string> = new Set(['name', 'message', 'stack', 'cause', 'errors'])

/** Also one of another realm (`node:vm`, Jest), and one of a class that only looks like an error. */
function isError(object: object): object is ErrorLike {
  if (!(types.isNativeError(object) || object instanceof Error)) return false
  return typeof (object as { readonly message?: unknown }).message === 'string'
}

/** Read one by one: what is beyond the limit is not even asked for. */
function* propertiesOf(object: object, keys: readonly string[]): Iterable<Property> {
  for (const key of keys) yield [key, readProperty(object, key)]
}

function* mapEntries(map: ReadonlyMap<unknown, unknown>): Iterable<Property> {
  for (const [key, value] of map) yield [keyText(key), value]
}

function readProperty(object: object, key: string): unknown {
  try {
    return (object as Readonly<Record<string, unknown>>)[key]
  } catch {
    return UNREADABLE
  }
}

/** Assigning to `__proto__` would change the object, here or where the entry is copied. */
function harmlessKey(key: string): string {
  return key === '__proto__' ? '[__proto__]' : key.slice(0, LONGEST_KEY)
}

function keyText(key: unknown): string {
  return typeof key === 'object' && key !== null ? '[object]' : String(key)
}
