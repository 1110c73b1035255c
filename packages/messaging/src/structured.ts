import type { HeaderValue } from './broker.ts'
import { headersFromJson, headersToJson } from './header-json.ts'
import { CONTENT_TYPE, type Headers, TRACE_PARENT, TRACE_STATE, textOf } from './headers.ts'

/** The CloudEvents JSON event format (structured mode): attributes, extensions and data in one JSON object. */
export const STRUCTURED_JSON = 'application/cloudevents+json'

/** Extension attributes have plain names, so headers that are none travel in this one, as JSON text; bytes as `{ "base64": … }`. */
const OTHER_HEADERS = 'commheaders'

const decoder = new TextDecoder('utf-8', { fatal: true })

/** Attributes whose header is not their name behind `ce_`. */
const HEADER_OF: ReadonlyMap<string, string> = new Map([
  ['datacontenttype', CONTENT_TYPE],
  [TRACE_PARENT, TRACE_PARENT],
  [TRACE_STATE, TRACE_STATE],
])
const ATTRIBUTE_OF: ReadonlyMap<string, string> = new Map([...HEADER_OF].map(([attribute, header]) => [header, attribute]))
/** Text that is its own JSON form, quotes aside: asking is cheaper than making it. */
const PLAIN = /^[\w .:/+@=;-]*$/

/**
 * One event as CloudEvents JSON. JSON bodies go in as `data`, everything else as `data_base64`.
 * @param isJson the body is known to be JSON text, so that nothing needs to look
 */
export function pack(headers: Headers, body: Uint8Array, isJson: boolean): Uint8Array {
  let text = ''
  let others: Record<string, HeaderValue> | undefined
  for (const name in headers) {
    const value = headers[name] as HeaderValue
    const attribute = name.startsWith('ce_') ? name.slice(3) : ATTRIBUTE_OF.get(name)
    if (attribute === undefined) {
      others ??= {}
      others[name] = value
    } else text += `${quoted(attribute)}:${quoted(textOf(value) as string)},`
  }
  if (others !== undefined) text += `"${OTHER_HEADERS}":${JSON.stringify(headersToJson(others))},`
  if (isJson) return around(`{${text}"data":`, body)
  const data = headers[CONTENT_TYPE] === 'application/json' ? jsonOf(body) : undefined
  if (data !== undefined) return Buffer.from(`{${text}"data":${JSON.stringify(data)}}`)
  const base64 = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('base64')
  return Buffer.from(`{${text}"data_base64":"${base64}"}`)
}

function quoted(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text)
}

const CLOSING_BRACE = 0x7d

function around(start: string, body: Uint8Array): Uint8Array {
  const length = Buffer.byteLength(start)
  const bytes = Buffer.allocUnsafe(length + body.byteLength + 1)
  bytes.write(start)
  bytes.set(body, length)
  bytes[length + body.byteLength] = CLOSING_BRACE
  return bytes
}

/** An event that was read. */
export interface UnpackedEvent {
  readonly headers: Headers
  /** Made from the event when it is asked for. */
  readonly body: Uint8Array
  /** The body as a JSON value, where it is one. */
  readonly data: unknown
}

/** Headers and body of an event; undefined when the bytes are no CloudEvent, but something that a plain client sent. */
export function unpack(bytes: Uint8Array): UnpackedEvent | undefined {
  const event = jsonOf(bytes)
  if (typeof event !== 'object' || event === null || !('specversion' in event)) return undefined
  const attributes = event as Readonly<Record<string, unknown>>
  const headers: Record<string, HeaderValue> = {}
  for (const name in attributes) {
    if (name === 'data' || name === 'data_base64') continue
    const value = attributes[name]
    if (name === OTHER_HEADERS) Object.assign(headers, headersFromJson(String(value)))
    else headers[HEADER_OF.get(name) ?? `ce_${name}`] = typeof value === 'string' ? value : String(value)
  }
  headers[CONTENT_TYPE] ??= 'application/json'
  return new Unpacked(bytes, headers, attributes['data'])
}

const JSON_TYPE = /[/+]json\b/i

class Unpacked implements UnpackedEvent {
  readonly headers: Headers
  readonly data: unknown
  readonly #bytes: Uint8Array

  constructor(bytes: Uint8Array, headers: Headers, data: unknown) {
    this.#bytes = bytes
    this.headers = headers
    this.data = data
  }

  /** From the bytes that came: `data` may have been changed by whoever got it. */
  get body(): Uint8Array {
    const { data, data_base64: base64 } = jsonOf(this.#bytes) as { readonly data?: unknown; readonly data_base64?: unknown }
    if (base64 !== undefined) return Buffer.from(String(base64), 'base64')
    if (data === undefined) return new Uint8Array()
    // CloudEvents JSON format 3.1.1: text of any other type is the payload itself.
    const isText = typeof data === 'string' && !JSON_TYPE.test(String(this.headers[CONTENT_TYPE]))
    return Buffer.from(isText ? data : JSON.stringify(data))
  }
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(bytes))
  } catch {
    return undefined
  }
}
