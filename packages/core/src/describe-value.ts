import { inspect } from 'node:util'
import { redactCredentials } from './redact.ts'

const MOST_CHARACTERS = 60

/** A value as an error message may show it: short, on one line, never the inside of an object, without credentials. Total. */
export function describeValue(value: unknown): string {
  if (typeof value === 'string') return inspect(shorten(redactCredentials(value)), { breakLength: Number.POSITIVE_INFINITY })
  if (typeof value === 'function') return 'a function'
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value !== 'object' || value === null) return String(value)
  try {
    if (Array.isArray(value)) return `an array of ${value.length}`
    return `an object with keys ${shorten(Object.keys(value).slice(0, 5).join(', ')) || '(none)'}`
  } catch {
    return 'an object that cannot be read'
  }
}

function shorten(text: string): string {
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS - 3)}...` : text
}
