import { validateHeaderName, validateHeaderValue } from 'node:http'
import { describeValue } from '@comm/core/options'
import { refuse } from './refuse.ts'

/** A number is written out; undefined leaves a default header away. */
export type HeadersInput = Readonly<Record<string, string | number | undefined>>

/** The transport frames the message; a header that contradicts it would let one request pass for two. */
const TRANSPORT_HEADERS: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/**
 * Adds headers under their lower-case names; later ones replace earlier ones, undefined removes.
 * @throws ConfigurationError for what cannot be in a header (CR, LF, NUL …) or is the transport's affair. The value is never shown.
 */
export function mergeHeaders(into: Record<string, string>, headers: HeadersInput | undefined): Record<string, string> {
  if (headers === undefined) return into
  for (const name of Object.keys(headers)) {
    const value = headers[name]
    const lowerCase = name.toLowerCase()
    if (value === undefined) {
      delete into[lowerCase]
      continue
    }
    check(name, lowerCase, value)
    into[lowerCase] = String(value)
  }
  return into
}

function check(name: string, lowerCase: string, value: unknown): void {
  try {
    validateHeaderName(name)
  } catch {
    refuse('headers', 'a name of letters, digits and hyphens for each header', describeValue(name))
  }
  if (TRANSPORT_HEADERS.has(lowerCase)) refuse(`headers.${lowerCase}`, 'left out: the transport sets it', 'a value')
  if (typeof value !== 'string' && typeof value !== 'number')
    refuse(`headers.${lowerCase}`, 'text or a number', describeValue(value))
  try {
    validateHeaderValue(name, String(value))
  } catch {
    refuse(
      `headers.${lowerCase}`,
      'text without line breaks, control characters and characters above U+00FF',
      'text that has some',
    )
  }
}
