import { isDeepStrictEqual } from 'node:util'
import { type AnySchema, alternatives, type Keywords } from './alternatives.ts'
import { exceedsLimits, limits } from './limits.ts'

/** Why a value that matches the one schema may not match the other. */
export interface Refusal {
  /** Where in the value: `/items/0/sku`, `*` for any; empty for the whole. */
  readonly at: string
  readonly kind: 'type' | 'value' | 'required' | 'unknown-property' | 'limit'
  /** The type, the value, the property, or the keyword. */
  readonly what: string
  /** Of a limit, what it is in the one and in the other. */
  readonly limits?: readonly [one: string, other: string]
}

/**
 * What matches `one` and not `other`, as far as it can be told without solving: keywords that say something only together (`not`, `if`, …) must
 * be equal. Nothing that is returned is missing from both; what is returned may, rarely, be ruled out by a keyword that is not understood.
 */
export class Refusals {
  readonly #one: unknown
  readonly #other: unknown
  /** Pairs of references that are being compared, so that a schema may contain itself. */
  readonly #open = new Set<string>()

  /** @param one the document of the one, for its `$ref`s */
  constructor(one: unknown, other: unknown) {
    this.#one = one
    this.#other = other
  }

  between(one: AnySchema, other: AnySchema, at = ''): readonly Refusal[] {
    const pair = `${Object(one).$ref} ${Object(other).$ref}`
    if (this.#open.has(pair)) return []
    const isPair = !pair.includes('undefined')
    if (isPair) this.#open.add(pair)
    const accepted = alternatives(this.#other, other)
    const all = alternatives(this.#one, one).flatMap((each) => this.#nearest(each, accepted, at))
    if (isPair) this.#open.delete(pair)
    return all
  }

  /** The refusals by the alternative that refuses least. */
  #nearest(one: Keywords, accepted: readonly Keywords[], at: string): readonly Refusal[] {
    const ofType = accepted.filter(
      ({ type }) => type === undefined || type === one.type || (type === 'number' && one.type === 'integer'),
    )
    const types = [...new Set(accepted.map(({ type }) => String(type)))].join(' or ')
    if (ofType.length === 0) {
      const what = one.type === undefined ? `anything but ${types}` : String(one.type)
      return one.enum === undefined || types.includes(String(one.type))
        ? [{ at, kind: 'type', what: accepted.length === 0 ? 'anything' : what }]
        : one.enum.map((value) => ({ at, kind: 'value', what: JSON.stringify(value) }))
    }
    return ofType.map((each) => this.#byOne(one, each, at)).reduce((least, each) => (each.length < least.length ? each : least))
  }

  #byOne(one: Keywords, other: Keywords, at: string): readonly Refusal[] {
    const { enum: values } = one
    const isRefused = (value: unknown): boolean =>
      other.enum === undefined ? exceedsLimits(value, other) : !other.enum.some((allowed) => isDeepStrictEqual(allowed, value))
    const own: readonly Refusal[] =
      values === undefined
        ? limits(one, other).map(({ keyword, values }) => ({ at, kind: 'limit', what: keyword, limits: values }))
        : values.filter(isRefused).map((value) => ({ at, kind: 'value', what: JSON.stringify(value) }))
    return [...own, ...this.#inObject(one, other, at), ...this.#inArray(one, other, at)]
  }

  #inObject(one: Keywords, other: Keywords, at: string): readonly Refusal[] {
    const [given, wanted] = [one.properties ?? {}, other.properties ?? {}]
    const [rest, wantedRest] = [one.additionalProperties, other.additionalProperties]
    const found: Refusal[] = (other.required ?? [])
      .filter((name) => !one.required?.includes(name))
      .map((what) => ({ at, kind: 'required', what }))
    for (const name of new Set([...Object.keys(given), ...Object.keys(wanted)])) {
      const place = `${at}/${name}`
      const [mine, theirs] = [given[name] ?? rest, wanted[name] ?? wantedRest]
      // A property that the one does not know is not there, unless it names the schema of all others.
      if (mine === undefined || mine === false || (given[name] === undefined && mine === true)) continue
      if (theirs === false) found.push({ at: place, kind: 'unknown-property', what: name })
      else if (theirs !== undefined) found.push(...this.between(mine, theirs, place))
    }
    if (wantedRest === false && rest !== false && isObject(one)) found.push({ at, kind: 'unknown-property', what: 'others' })
    else if (typeof rest === 'object' && typeof wantedRest === 'object') found.push(...this.between(rest, wantedRest, `${at}/*`))
    return found
  }

  #inArray(one: Keywords, other: Keywords, at: string): readonly Refusal[] {
    const [given, wanted] = [tuple(one), tuple(other)]
    const length = Math.max(given.items.length, wanted.items.length)
    const places = Array.from(
      { length },
      (_, index) => [`${at}/${index}`, given.items[index] ?? given.rest, wanted.items[index] ?? wanted.rest] as const,
    )
    return [...places, [`${at}/*`, given.rest, wanted.rest] as const].flatMap(([place, mine, theirs]) =>
      theirs === undefined || mine === false ? [] : this.between(mine ?? true, theirs, place),
    )
  }
}

function isObject({ type, properties }: Keywords): boolean {
  return type === 'object' || properties !== undefined
}

/** Both notations of draft 7 and that of 2020-12. */
function tuple({ prefixItems, items, additionalItems }: Keywords): { items: readonly AnySchema[]; rest: AnySchema | undefined } {
  if (Array.isArray(items)) return { items: items as readonly AnySchema[], rest: additionalItems as AnySchema | undefined }
  return { items: (prefixItems ?? []) as readonly AnySchema[], rest: items }
}
