import { readFile } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { CommunicationError } from '@comm/core'
import { utf8 } from '../format/body.ts'
import { UsageError } from '../usage-error.ts'

/**
 * The bytes that a word of the command line stands for: `-` the standard input, `@file` a file, anything else itself.
 * @param word absent: the standard input, unless that is a terminal
 * @throws UsageError
 */
export async function readBody(word: string | undefined, stdin: Readable & { readonly isTTY?: boolean }): Promise<Uint8Array> {
  if (word === undefined && stdin.isTTY)
    throw new UsageError('a body is needed: as an argument, as @file, or - for the standard input')
  if (word === undefined || word === '-') return buffer(stdin)
  if (!word.startsWith('@')) return new TextEncoder().encode(word)
  const path = word.slice(1)
  try {
    return await readFile(path)
  } catch (thrown) {
    throw new UsageError(`the body cannot be read from ${JSON.stringify(path)}: ${CommunicationError.from(thrown).message}`)
  }
}

/** A message as a client takes it: its codec makes the bytes again. */
export interface Content {
  readonly body: unknown
  readonly contentType: string
}

/**
 * @param contentType absent: JSON when the bytes are JSON, else text when they are UTF-8, else bytes
 * @throws UsageError when the bytes are not what the content type says
 */
export function contentOf(bytes: Uint8Array, contentType: string | undefined): Content {
  const text = utf8(bytes)
  const json = text === undefined ? undefined : parseJson(text)
  if (contentType === undefined) {
    if (json !== undefined) return { body: json.value, contentType: 'application/json' }
    return text === undefined
      ? { body: bytes, contentType: 'application/octet-stream' }
      : { body: text, contentType: 'text/plain' }
  }
  if (/^application\/(?:[\w.-]+\+)?json\b/i.test(contentType)) {
    if (json === undefined) throw new UsageError(`the body must be JSON, as the content type ${contentType} says`)
    return { body: json.value, contentType }
  }
  if (!/^text\//i.test(contentType)) return { body: bytes, contentType }
  if (text === undefined) throw new UsageError(`the body must be UTF-8, as the content type ${contentType} says`)
  return { body: text, contentType }
}

type Reviver = (this: unknown, key: string, value: unknown, context: { readonly source?: string }) => unknown
/** ECMAScript's proposal "JSON.parse source text access", which Node 22 has and TypeScript's library does not name yet. */
const { parse, rawJSON } = JSON as unknown as {
  parse(text: string, reviver: Reviver): unknown
  rawJSON(text: string): unknown
}

/** Numbers that JavaScript cannot hold (`12345678901234567890`) stay as they are written. */
function parseJson(text: string): { readonly value: unknown } | undefined {
  const exact: Reviver = (_key, value, { source }) =>
    typeof value === 'number' && source !== undefined && String(value) !== source ? rawJSON(source) : value
  try {
    return { value: parse(text, exact) }
  } catch {
    return undefined
  }
}
