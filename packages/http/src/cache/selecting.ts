import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

type RequestHeaders = Readonly<Record<string, string>>

/** Lists without an order, in which case makes no difference. */
const SETS: ReadonlySet<string> = new Set(['accept-charset', 'accept-encoding', 'accept-language'])

/** The names that a Vary field lists, sorted; undefined for `*`, which no request matches (RFC 9111 4.1). */
export function varyNames(field: IncomingHttpHeaders['vary']): readonly string[] | undefined {
  if (field === undefined) return NO_NAMES
  const names = new Set<string>()
  for (const item of field.split(',')) {
    const name = item.trim().toLowerCase()
    if (name === '*') return undefined
    if (name !== '') names.add(name)
  }
  return [...names].sort()
}

/** What the request says in those headers, as a digest: they may be secrets. '' for no names. */
export function variantOf(names: readonly string[], headers: RequestHeaders): string {
  if (names.length === 0) return ''
  return createHash('sha256').update(selectingText(names, headers)).digest('base64url')
}

/** The same in full, which costs less, for comparisons that nobody keeps. */
export function selectingText(names: readonly string[], headers: RequestHeaders): string {
  let text = ''
  for (const name of names) {
    const value = headers[name]
    text += value === undefined ? `${name}\n` : `${name}:${normalised(name, value)}\n`
  }
  return text
}

/** Without the white space that means nothing. */
function normalised(name: string, value: string): string {
  if (value.includes('"') || !value.includes(',')) return SETS.has(name) ? value.trim().toLowerCase() : value.trim()
  const items = value.split(',').map((item) => item.trim())
  return SETS.has(name) ? items.join(',').toLowerCase().split(',').sort().join(',') : items.join(',')
}

const NO_NAMES: readonly string[] = Object.freeze([])
