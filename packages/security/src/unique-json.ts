import { refused } from './refusal.ts'

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Parses a JSON object and refuses one with a member that is there twice, at any depth: parsers differ in which of the two they take
 * (RFC 7515 section 4 and RFC 7519 section 4 let a reader refuse both).
 * @param what names it in messages
 * @throws AuthenticationError `malformed`, `duplicate-key`
 */
export function parseUnique(what: string, bytes: Uint8Array): Readonly<Record<string, unknown>> {
  let text: string
  let value: unknown
  try {
    text = decoder.decode(bytes)
    value = JSON.parse(text)
  } catch (cause) {
    // The parser's message quotes what it read.
    throw refused('malformed', `${what} is not JSON in UTF-8`, undefined, { cause: (cause as Error).name })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw refused('malformed', `${what} is not a JSON object`)
  }
  if (namesIn(text) !== membersOf(value)) throw refused('duplicate-key', `${what} has a member that is there twice`)
  return value as Readonly<Record<string, unknown>>
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a

/** How many member names stand in a JSON text, which is known to be one: strings that a colon follows. */
function namesIn(text: string): number {
  let names = 0
  let at = text.indexOf('"')
  while (at >= 0) {
    let end = text.indexOf('"', at + 1)
    if (text.charCodeAt(end - 1) === BACKSLASH) end = closingQuote(text, at + 1)
    let next = end + 1
    while (text.charCodeAt(next) <= 0x20) next++
    if (text.charCodeAt(next) === COLON) names++
    at = text.indexOf('"', next)
  }
  return names
}

function closingQuote(text: string, from: number): number {
  let at = from
  for (let code = text.charCodeAt(at); code !== QUOTE; code = text.charCodeAt(at)) at += code === BACKSLASH ? 2 : 1
  return at
}

/** How many members the parser has made of them. A loop, not a recursion: what nests deeply comes from strangers. */
function membersOf(root: object): number {
  let members = 0
  const pending: object[] = [root]
  for (let current = pending.pop(); current !== undefined; current = pending.pop()) {
    const values: readonly unknown[] = Object.values(current)
    if (!Array.isArray(current)) members += values.length
    for (const value of values) if (typeof value === 'object' && value !== null) pending.push(value)
  }
  return members
}
