import { isSecretKey, REDACTED } from '@comm/core'
import { describeValue } from '@comm/core/options'

/** `X-Functions-Key`, `hostKey`: what is called a key in a header opens something; `hockey` does not. */
const KEY_NAME = /(?:^|[-_])[Kk](?:ey|EY)$|[a-z0-9]Key$/

/** Whether a name that the user chose, a header's for one, says that its value is secret. */
function namesSecret(name: string): boolean {
  return isSecretKey(name) || KEY_NAME.test(name)
}

/** The text without what a URL in it carries between `//` and `@`, and without query parameters whose names say secret. */
function withoutCredentials(text: string): string {
  return text
    .replace(/(?<=:\/\/)[^/?#\s]*(?=@)/g, REDACTED)
    .replace(/(?<=[?&]([^=&#\s]*)=)[^&#\s]+/g, (value, name: string) => (namesSecret(name) ? REDACTED : value))
}

/** A value as it may be shown. @param namesTell its keys are names of secrets or not, as those of headers are */
export function redactValue(value: unknown, secret: boolean, namesTell = false): unknown {
  if (value === undefined) return undefined
  if (secret) return REDACTED
  if (typeof value === 'string') return withoutCredentials(value)
  if (Array.isArray(value)) return value.map((item: unknown) => redactValue(item, false))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]: [string, unknown]) => [key, redactValue(item, namesTell && namesSecret(key))]),
  )
}

/**
 * A received value as an error may quote it: one line, no secret. A wrong URL may be cut anywhere, so more is taken out of it
 * than of a right one: everything from its scheme to its last `@`.
 */
export function quoteReceived(value: unknown, secret: boolean): string {
  if (secret) return REDACTED
  if (typeof value !== 'string') return describeValue(value)
  return describeValue(withoutCredentials(value.replace(/\/\/.*@/s, `//${REDACTED}@`)))
}

/** A value in the place of a section, by its kind only: it may be anything, a secret too. */
export function quoteShape(value: unknown): string {
  return Array.isArray(value) ? describeValue(value) : `a ${typeof value}`
}
