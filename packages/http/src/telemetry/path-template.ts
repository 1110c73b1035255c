const MAX_SEGMENTS = 8
const VERSION = /^v\d{1,3}$/
/** Longer ones are no names that somebody chose for a path. */
const LONGEST_NAME = 32

/**
 * A path as there are few of them (`url.template` of the semantic conventions): `{id}` in place of each part that has a digit, is encoded, a mail
 * address or long, `…` for what is deeper than eight. A version such as `v2` stays.
 */
export function pathTemplate(path: string): string {
  const segments = path.split('/').slice(1)
  const named = segments.slice(0, MAX_SEGMENTS).map((segment) => (isName(segment) ? segment : '{id}'))
  return `/${named.join('/')}${segments.length > MAX_SEGMENTS ? '/…' : ''}`
}

function isName(segment: string): boolean {
  return VERSION.test(segment) || (segment.length <= LONGEST_NAME && !/[\d%@]/.test(segment))
}
