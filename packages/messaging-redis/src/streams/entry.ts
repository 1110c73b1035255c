import type { HeaderValue, OutboundRecord } from '@comm/messaging'
import type { Argument } from '@comm/redis-stores/connection'

/**
 * An entry has the fields `body`, `headers` (a JSON object; bytes as `{ "base64": … }`; absent when there are none) and `key`.
 * One field for all headers, because eight fields of their own cost 1.7 times as much. Foreign entries may have any fields:
 * beside a `body` the others are headers, without one all of them make up a JSON object that is taken as the body.
 */
export interface Entry {
  readonly body: Uint8Array
  readonly key: string | undefined
  readonly headers: Readonly<Record<string, HeaderValue>>
}

/** The fields as the publishing scripts take them; empty for what is absent. */
export function encodeEntry({ body, headers, key = '' }: OutboundRecord): [body: Argument, headers: string, key: string] {
  return [Buffer.from(body.buffer, body.byteOffset, body.byteLength), encodeHeaders(headers), key]
}

function encodeHeaders(headers: OutboundRecord['headers']): string {
  let isEmpty = true
  for (const name in headers) {
    isEmpty = false
    if (typeof headers[name] !== 'string') return JSON.stringify(headers, toBase64)
  }
  return isEmpty ? '' : JSON.stringify(headers)
}

/** A Buffer comes here as what its own toJSON made of it, a plain Uint8Array as itself: the holder has the original. */
function toBase64(this: unknown, name: string, value: unknown): unknown {
  const original = (this as Readonly<Record<string, unknown>>)[name]
  if (!(original instanceof Uint8Array)) return value
  return { base64: Buffer.from(original.buffer, original.byteOffset, original.byteLength).toString('base64') }
}

const NO_HEADERS: Readonly<Record<string, HeaderValue>> = Object.freeze({})

/** @param fields names and values in turn */
export function decodeEntry(fields: readonly Buffer[]): Entry {
  let body: Buffer | undefined
  let key: string | undefined
  let headers: Buffer | undefined
  let others: Record<string, string> | undefined
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const name = String(fields[at])
    const value = fields[at + 1] as Buffer
    if (name === 'body') body = value
    else if (name === 'headers') headers = value
    else if (name === 'key') key = String(value)
    else {
      others ??= {}
      others[name] = String(value)
    }
  }
  if (body === undefined) return { body: Buffer.from(JSON.stringify(allFields(fields))), key, headers: NO_HEADERS }
  const decoded = headers === undefined ? NO_HEADERS : decodeHeaders(headers)
  return { body, key, headers: others === undefined ? decoded : { ...others, ...decoded } }
}

function allFields(fields: readonly Buffer[]): Record<string, string> {
  const all: Record<string, string> = {}
  for (let at = 0; at + 1 < fields.length; at += 2) all[String(fields[at])] = String(fields[at + 1])
  return all
}

/** Headers that are no JSON object are a foreign client's own field of that name. */
function decodeHeaders(bytes: Buffer): Readonly<Record<string, HeaderValue>> {
  let parsed: unknown
  try {
    parsed = JSON.parse(String(bytes))
  } catch {
    return { headers: String(bytes) }
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return { headers: String(bytes) }
  const headers = parsed as Record<string, unknown>
  for (const name in headers) if (typeof headers[name] !== 'string') headers[name] = headerValue(headers[name])
  return headers as Record<string, HeaderValue>
}

function headerValue(value: unknown): HeaderValue {
  if (typeof value !== 'object' || value === null) return String(value)
  const { base64 } = value as { readonly base64?: unknown }
  return typeof base64 === 'string' ? new Uint8Array(Buffer.from(base64, 'base64')) : JSON.stringify(value)
}
