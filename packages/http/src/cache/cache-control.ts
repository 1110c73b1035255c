/** The directives of a Cache-Control field, names in lower case; true: without a value. */
export type Directives = ReadonlyMap<string, string | true>

const NONE: Directives = new Map()
/** One directive: a token, and after = a quoted string or whatever comes before the next comma. */
const DIRECTIVE = /([^\s,=;"]+)(?:=(?:"((?:[^"\\]|\\.)*)"|([^,]*)))?[^,]*/g

/**
 * Reads a Cache-Control field (RFC 9111 5.2). Of several `max-age` or `s-maxage` the shortest counts, and one that is not a
 * number is 0: what cannot be understood is not taken for fresh.
 */
export function parseCacheControl(field: string | undefined): Directives {
  if (field === undefined || field === '') return NONE
  const directives = new Map<string, string | true>()
  for (const [, rawName = '', quoted, bare] of field.matchAll(DIRECTIVE)) {
    const name = rawName.toLowerCase()
    const value = quoted ?? bare?.trim() ?? true
    const before = directives.get(name)
    if (before !== undefined && name.endsWith('age')) {
      const shorter = Math.min(secondsOf(before) ?? 0, secondsOf(value) ?? 0)
      directives.set(name, String(shorter))
    } else directives.set(name, value)
  }
  return directives
}

/** The seconds of a directive: undefined where it is absent, 0 where it is no number (RFC 9111 1.2.2, 4.2.1). */
export function secondsOf(value: string | true | undefined): number | undefined {
  if (value === undefined) return undefined
  if (value === true || !/^\d+$/.test(value)) return 0
  return Math.min(Number(value), LONGEST_SECONDS)
}

/** RFC 9111 1.2.2 */
const LONGEST_SECONDS = 2 ** 31
