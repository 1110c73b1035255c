import { isDeepStrictEqual } from 'node:util'
import type { Keywords } from './alternatives.ts'

const LEAST = ['minLength', 'minItems', 'minProperties', 'minContains'] as const
const MOST = ['maxLength', 'maxItems', 'maxProperties', 'maxContains'] as const
/** Say what may be in ways that cannot be ordered: they are equal, or not. */
const EXACT = [
  'pattern',
  'format',
  'contentEncoding',
  'contentMediaType',
  'uniqueItems',
  'not',
  'if',
  'then',
  'else',
  'contains',
  'propertyNames',
  'patternProperties',
  'dependentRequired',
  'dependentSchemas',
  'dependencies',
] as const

export interface Limit {
  readonly keyword: string
  readonly values: readonly [one: string, other: string]
}

/** The limits of `other` that something within those of `one` may exceed. */
export function limits(one: Keywords, other: Keywords): readonly Limit[] {
  const found: Limit[] = []
  const add = (keyword: string, mine: unknown, theirs: unknown): void => {
    found.push({ keyword, values: [shown(mine), shown(theirs)] })
  }
  if (other.enum !== undefined) add('enum', undefined, other.enum)
  for (const keyword of LEAST) {
    const [mine, theirs] = [one[keyword], other[keyword]] as [number | undefined, number | undefined]
    if ((theirs ?? 0) > (mine ?? 0)) add(keyword, mine, theirs)
  }
  for (const keyword of MOST) {
    const [mine, theirs] = [one[keyword], other[keyword]] as [number | undefined, number | undefined]
    if (theirs !== undefined && theirs < (mine ?? Number.POSITIVE_INFINITY)) add(keyword, mine, theirs)
  }
  if (exceeds(lowest(other), lowest(one))) add('minimum', ...bounds(one, other, 'minimum', 'exclusiveMinimum'))
  if (exceeds(highest(other), highest(one))) add('maximum', ...bounds(one, other, 'maximum', 'exclusiveMaximum'))
  const { multipleOf: step } = other
  const own = one['multipleOf']
  if (
    typeof step === 'number' &&
    !(typeof own === 'number' && Number.isInteger(own / step)) &&
    !(one.type === 'integer' && step === 1)
  ) {
    add('multipleOf', own, step)
  }
  for (const keyword of EXACT) {
    if (other[keyword] !== undefined && !isDeepStrictEqual(one[keyword], other[keyword]))
      add(keyword, one[keyword], other[keyword])
  }
  return found
}

/** Whether a single value exceeds the limits of a schema of its type. */
export function exceedsLimits(value: unknown, schema: Keywords): boolean {
  const { pattern, format, contentEncoding, contentMediaType } = schema
  // Formats of single values are taken for right: whoever lists values knows them.
  const trusted = { format, contentEncoding, contentMediaType } as Keywords
  if (typeof value === 'number') {
    const type = Number.isInteger(value) ? 'integer' : 'number'
    return limits({ type, minimum: value, maximum: value, multipleOf: value, ...trusted }, schema).length > 0
  }
  if (typeof value !== 'string') return limits({}, schema).length > 0
  const length = [...value].length
  const matches = typeof pattern === 'string' && new RegExp(pattern, 'u').test(value)
  return limits({ minLength: length, maxLength: length, ...(matches && { pattern }), ...trusted } as Keywords, schema).length > 0
}

/** A bound, larger for the stricter one; the second decides between an excluded and an included one. */
type Bound = readonly [value: number, isExclusive: boolean]

function lowest({ minimum, exclusiveMinimum }: Keywords): Bound {
  const [at, above] = [minimum ?? Number.NEGATIVE_INFINITY, exclusiveMinimum ?? Number.NEGATIVE_INFINITY]
  return above >= at && exclusiveMinimum !== undefined ? [above, true] : [at, false]
}

function highest({ maximum, exclusiveMaximum }: Keywords): Bound {
  const [at, below] = [maximum ?? Number.POSITIVE_INFINITY, exclusiveMaximum ?? Number.POSITIVE_INFINITY]
  return below <= at && exclusiveMaximum !== undefined ? [-below, true] : [-at, false]
}

function exceeds([one, isExclusive]: Bound, [other, wasExclusive]: Bound): boolean {
  return one > other || (one === other && isExclusive && !wasExclusive)
}

function bounds(one: Keywords, other: Keywords, at: keyof Keywords, beyond: keyof Keywords): [unknown, unknown] {
  return [one[beyond] ?? one[at], other[beyond] ?? other[at]]
}

function shown(value: unknown): string {
  return value === undefined ? 'none' : JSON.stringify(value)
}
