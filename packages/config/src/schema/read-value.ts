import { inspect } from 'node:util'
import { LONGEST_TIMEOUT_MS } from '@comm/core'
import { object } from '@comm/core/options'
import type { ChoiceKind, Kind, ListKind, MapKind, NumberKind, TextKind, UrlKind } from './setting.ts'
import { parseDuration, parseNumber, parseSize } from './units.ts'

/**
 * What a received value means for a setting, in the unit it is held in; undefined: it is not acceptable. Text is understood
 * everywhere, because the environment has nothing else.
 * @param bare the unit of a duration that states none
 */
export function readValue(kind: Kind, value: unknown, bare: 'ms' | 's'): unknown {
  switch (kind.kind) {
    case 'text':
      return readText(kind, value)
    case 'url':
      return readUrl(kind, value)
    case 'choice':
      return readChoice(kind, value)
    case 'flag':
      return typeof value === 'boolean' ? value : FLAGS.get(String(value).toLowerCase())
    case 'number':
      return inRange(parseNumber(value), kind)
    case 'duration':
      return inRange(parseDuration(value, bare), { min: kind.min ?? 0, max: LONGEST_TIMEOUT_MS })
    case 'size':
      return inRange(parseSize(value), { min: kind.min ?? 0, max: Number.MAX_SAFE_INTEGER })
    case 'list':
      return readList(kind, value)
    case 'map':
      return readMap(kind, value)
  }
}

/** Completes the sentence `key must be …`. */
export function expectedOf(kind: Kind, bare: 'ms' | 's'): string {
  switch (kind.kind) {
    case 'text':
      return kind.pattern?.expected ?? 'a non-empty string, in quotes where it looks like a number'
    case 'url':
      return `an absolute URL that starts with ${kind.services ? 'http://, https:// or service://' : 'http:// or https://'}`
    case 'choice':
      return `one of ${kind.of.join(', ')}`
    case 'flag':
      return 'true or false'
    case 'number':
      return `${kind.integer ? 'an integer' : 'a number'}${range(kind)}`
    case 'duration': {
      const least = kind.min === undefined ? '' : `, at least ${kind.min} ms`
      return `a duration of at most 24.8 days${least}: a number of ${bare === 's' ? 'seconds' : 'milliseconds'}, or text such as "500ms", "10s", "2m"`
    }
    case 'size':
      return `a size${kind.min === undefined ? '' : ` of at least ${kind.min}`}: whole bytes, or text such as "16KiB", "10MB"`
    case 'list':
      return `a list (as text: separated by commas, or a JSON array), each item ${expectedOf(kind.each, bare)}`
    case 'map':
      return `an object (as text: "name=value" pairs separated by commas, or JSON), each value ${expectedOf(kind.each, bare)}`
  }
}

const FLAGS: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['yes', true],
  ['on', true],
  ['1', true],
  ['false', false],
  ['no', false],
  ['off', false],
  ['0', false],
])

function readText(kind: TextKind, value: unknown): string | undefined {
  if (typeof value !== 'string' || value === '') return undefined
  return kind.pattern === undefined || kind.pattern.regexp.test(value) ? value : undefined
}

function readUrl({ services }: UrlKind, value: unknown): string | undefined {
  const start = services ? /^(https?|service):\/\//i : /^https?:\/\//i
  return typeof value === 'string' && start.test(value) && URL.canParse(value) ? value : undefined
}

function readChoice(kind: ChoiceKind, value: unknown): string | undefined {
  const word = typeof value === 'string' || typeof value === 'number' ? String(value).toLowerCase() : undefined
  if (word === undefined) return undefined
  if (kind.synonyms !== undefined && Object.hasOwn(kind.synonyms, word)) return kind.synonyms[word]
  return kind.of.find((choice) => choice.toLowerCase() === word)
}

function readList(kind: ListKind, value: unknown): readonly string[] | undefined {
  const items = typeof value === 'string' ? (parseJson(value, '[') ?? splitText(value)) : value
  if (!Array.isArray(items)) return undefined
  const read = items.map((item: unknown) => readValue(kind.each, item, 'ms'))
  return read.includes(undefined) ? undefined : (read as string[])
}

function readMap(kind: MapKind, value: unknown): Readonly<Record<string, unknown>> | undefined {
  const map = typeof value === 'string' ? (parseJson(value, '{') ?? pairsOf(value)) : value
  if (!object.accepts(map)) return undefined
  const read = Object.entries(map as object).map(
    ([key, item]: [string, unknown]) => [key, readValue(kind.each, item, 'ms')] as const,
  )
  return read.some(([, item]) => item === undefined) ? undefined : Object.fromEntries(read)
}

function parseJson(text: string, start: '[' | '{'): unknown {
  if (!text.trimStart().startsWith(start)) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function splitText(text: string): readonly string[] {
  return text.split(',').flatMap((item) => item.trim() || [])
}

function pairsOf(text: string): Readonly<Record<string, string>> | undefined {
  const pairs = splitText(text).map((pair) => /^([^=\s]+)\s*=\s*(.+)$/.exec(pair))
  if (pairs.includes(null)) return undefined
  return Object.fromEntries(pairs.map((match) => [match?.[1] ?? '', match?.[2] ?? '']))
}

function inRange(value: number | undefined, { min, max, integer }: Omit<NumberKind, 'kind'>): number | undefined {
  if (value === undefined || !Number.isFinite(value) || (integer && !Number.isInteger(value))) return undefined
  return value >= (min ?? value) && value <= (max ?? value) ? value : undefined
}

function range({ min, max }: NumberKind): string {
  if (min !== undefined && max !== undefined) return ` from ${inspect(min)} to ${inspect(max)}`
  return min === undefined ? (max === undefined ? '' : ` of at most ${max}`) : ` of at least ${min}`
}
