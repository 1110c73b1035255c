import type { HeaderValue } from './broker.ts'
import { CONTENT_TYPE, type Headers, TRACE_PARENT, TRACE_STATE, textOf } from './headers.ts'

/** The CloudEvents JSON event format (structured mode): attributes, extensions and data in one JSON object. */
export const STRUCTURED_JSON = 'application/cloudevents+json'

/** Extension attributes have plain names, so headers that are none travel in this one, as JSON text; bytes as `{ "base64": … }`. */
const OTHER_HEADERS = 'commheaders'

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true })

/** One event as CloudEvents JSON. JSON bodies go in as `data`, everything else as `data_base64`. */
export function pack(headers: Headers, body: Uint8Array): Uint8Array {
  const event: Record<string, unknown> = {}
  const others: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (name === CONTENT_TYPE) event['datacontenttype'] = textOf(value)
    else if (name === TRACE_PARENT || name === TRACE_STATE) event[name] = textOf(value)
    else if (name.startsWith('ce_')) event[name.slice(3)] = textOf(value)
    else others[name] = typeof value === 'string' ? value : { base64: Buffer.from(value).toString('base64') }
  }
  if (Object.keys(others).length > 0) event[OTHER_HEADERS] = JSON.stringify(others)
  const data = event['datacontenttype'] === 'application/json' ? jsonOf(body) : undefined
  if (data === undefined) event['data_base64'] = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('base64')
  else event['data'] = data
  return encoder.encode(JSON.stringify(event))
}

/** Headers and body of an event; undefined when the bytes are no CloudEvent, but something that a plain client sent. */
export function unpack(
  bytes: Uint8Array,
): { readonly headers: Record<string, HeaderValue>; readonly body: Uint8Array } | undefined {
  const event = jsonOf(bytes)
  if (typeof event !== 'object' || event === null || !('specversion' in event)) return undefined
  const headers: Record<string, HeaderValue> = {}
  let body = new Uint8Array()
  for (const [name, value] of Object.entries(event)) {
    if (name === 'data') body = encoder.encode(JSON.stringify(value))
    else if (name === 'data_base64') body = new Uint8Array(Buffer.from(String(value), 'base64'))
    else if (name === 'datacontenttype') headers[CONTENT_TYPE] = String(value)
    else if (name === TRACE_PARENT || name === TRACE_STATE) headers[name] = String(value)
    else if (name === OTHER_HEADERS) Object.assign(headers, otherHeaders(value))
    else headers[`ce_${name}`] = String(value)
  }
  headers[CONTENT_TYPE] ??= 'application/json'
  return { headers, body }
}

function otherHeaders(text: unknown): Record<string, HeaderValue> {
  const headers: Record<string, HeaderValue> = {}
  const parsed = typeof text === 'string' ? jsonOf(encoder.encode(text)) : undefined
  if (typeof parsed !== 'object' || parsed === null) return headers
  for (const [name, value] of Object.entries(parsed)) {
    const base64: unknown = typeof value === 'object' && value !== null ? (value as { base64?: unknown }).base64 : undefined
    headers[name] = typeof base64 === 'string' ? new Uint8Array(Buffer.from(base64, 'base64')) : String(value)
  }
  return headers
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(bytes))
  } catch {
    return undefined
  }
}
