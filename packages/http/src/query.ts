import { describeValue } from '@comm/core/options'
import { refuse } from './refuse.ts'

export type QueryValue = string | number | boolean | bigint | null | undefined
/** An array repeats its key; null and undefined leave it out. */
export type Query = Readonly<Record<string, QueryValue | readonly QueryValue[]>> | URLSearchParams

/** Appends what a query or form holds. @throws ConfigurationError for a value that has no text of its own */
export function appendQuery(key: string, into: URLSearchParams, query: Query): void {
  if (query instanceof URLSearchParams) {
    for (const [name, value] of query) into.append(name, value)
    return
  }
  for (const [name, value] of Object.entries(query)) {
    for (const item of Array.isArray(value) ? (value as readonly QueryValue[]) : [value as QueryValue]) {
      if (item === null || item === undefined) continue
      if (typeof item === 'object' || typeof item === 'function' || typeof item === 'symbol') {
        refuse(`${key}.${name}`, 'text, a number, true, false or an array of those', describeValue(item))
      }
      into.append(name, String(item))
    }
  }
}
