import { types } from 'node:util'
import { type LogFields, REDACTED, redactCredentials } from '@comm/core'
import { isBodyKey, parsedBody } from './bodies.ts'

export interface PlainDataLimits {
  readonly maxTextLength: number
  readonly maxValues: number
  readonly maxDepth: number
  readonly stacks: boolean
  readonly maxBodyLength: number
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
      const plain = new Walk(limits, isSecret).value(value)
      if (typeof plain === 'string') return plain
      if (isWithMessage(plain)) return plain.message
      return JSON.stringify(plain) ?? 'undefined'
    },
    fields(fields) {
      if (fields === undefined || fields === null) return {}
      const plain = new Walk(limits, isSecret).value(fields)
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
  const clean = redactCredentials(text.slice(0, maxLength + LOOK_AHEAD))
  return cutText(clean, maxLength, text.length)
}

function cutText(text: string, maxLength: number, length: number): string {
  return `${text.slice(0, maxLength)}… (${length - maxLength} more characters)`
}

/** The way through the values of one line. */
class Walk {
  readonly #limits: PlainDataLimits
  readonly #isSecret: (key: string) => boolean
  /** The objects that the value at hand is inside of, by which cycles are seen. */
  readonly #within: object[] = []
  #valuesLeft: number

  constructor(limits: PlainDataLimits, isSecret: (key: string) => boolean) {
    this.#limits = limits
    this.#isSecret = isSecret
    this.#valuesLeft = limits.maxValues
  }

  value(value: unknown): unknown {
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
        return value === null ? null : this.#object(value)
      default:
        return value
    }
  }

  #object(object: object): unknown {
    if (this.#within.includes(object)) return '[circular]'
    if (this.#within.length >= this.#limits.maxDepth) return '[too deep]'
    this.#within.push(object)
    try {
      return isLiteral(object) ? this.#members(object) : this.#special(object)
    } catch {
      return UNREADABLE
    } finally {
      this.#within.pop()
    }
  }

  #special(object: object): unknown {
    if (isError(object)) return this.#error(object)
    if (Array.isArray(object)) return this.#items(object, object.length)
    if (types.isDate(object)) return Number.isNaN(object.getTime()) ? 'Invalid Date' : object.toISOString()
    if (types.isMap(object)) return this.#properties(mapEntries(object), object.size)
    if (types.isSet(object)) return this.#items(object, object.size)
    if (types.isRegExp(object)) return String(object)
    if (ArrayBuffer.isView(object) || types.isAnyArrayBuffer(object)) return `[${object.byteLength} bytes]`
    if ('toJSON' in object && typeof object.toJSON === 'function') return this.value(object.toJSON())
    return this.#members(object)
  }

  #items(items: Iterable<unknown>, count: number): unknown[] {
    const plain: unknown[] = []
    for (const item of items) {
      if (this.#valuesLeft <= 0) {
        plain.push(`… ${count - plain.length} more`)
        break
      }
      this.#valuesLeft -= 1
      plain.push(this.value(item) ?? null)
    }
    return plain
  }

  /** What is beyond the limit is not even asked for. */
  #members(object: object): Record<string, unknown> {
    const keys = Object.keys(object)
    const plain: Record<string, unknown> = {}
    for (let at = 0; at < keys.length; at += 1) {
      if (this.#valuesLeft <= 0) {
        plain['…'] = `${keys.length - at} more`
        break
      }
      const key = keys[at] as string
      this.#member(plain, key, readProperty(object, key))
    }
    return plain
  }

  #properties(entries: Iterable<Property>, count: number): Record<string, unknown> {
    const plain: Record<string, unknown> = {}
    let seen = 0
    for (const [key, value] of entries) {
      if (this.#valuesLeft <= 0) {
        plain['…'] = `${count - seen} more`
        break
      }
      seen += 1
      this.#member(plain, key, value)
    }
    return plain
  }

  #member(plain: Record<string, unknown>, key: string, value: unknown): void {
    if (value === undefined) return
    this.#valuesLeft -= 1
    plain[harmlessKey(key)] = this.#property(key, value)
  }

  /** That a secret is there, or is not, may be known: null, true and false are shown. */
  #property(key: string, value: unknown): unknown {
    if (value !== null && typeof value !== 'boolean' && this.#isSecret(key)) return REDACTED
    return isBodyKey(key) ? this.#body(value) : this.value(value)
  }

  /** A body that is JSON is looked through like any other data, or a secret in it would be shown. */
  #body(value: unknown): unknown {
    const { maxBodyLength } = this.#limits
    const plain = this.value(typeof value === 'string' ? parsedBody(value, this.#isSecret) : value)
    const text = typeof plain === 'string' ? plain : JSON.stringify(plain)
    if (text === undefined || text.length <= maxBodyLength) return plain
    return cutText(text, maxBodyLength, text.length)
  }

  /**
   * Name, message, code, stack, the cause chain, and what else the error says in single values and in `details`; other objects on an
   * error are requests, sockets and the like.
   */
  #error(error: ErrorLike): Record<string, unknown> {
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
    return this.#properties(parts, parts.length)
  }
}

/** Made by an object literal or the like, so that it is none of those that are shown otherwise. */
function isLiteral(object: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(object)
  return (prototype === Object.prototype || prototype === null) && !('toJSON' in object) && !types.isNativeError(object)
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
  if (key.length > LONGEST_KEY) return key.slice(0, LONGEST_KEY)
  return key === '__proto__' ? '[__proto__]' : key
}

function keyText(key: unknown): string {
  return typeof key === 'object' && key !== null ? '[object]' : String(key)
}
