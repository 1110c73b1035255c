import type { HeaderValue } from './broker.ts'
import { headersFromJson, headersToJson } from './header-json.ts'
import {
  CE_CORRELATION_ID,
  CE_ID,
  CE_PARTITION_KEY,
  CE_SOURCE,
  CE_SPEC_VERSION,
  CE_SUBJECT,
  CE_TIME,
  CE_TYPE,
  CONTENT_TYPE,
  type Headers,
  TRACE_PARENT,
  TRACE_STATE,
  textOf,
} from './headers.ts'

/** The CloudEvents JSON event format (structured mode): attributes, extensions and data in one JSON object. */
export const STRUCTURED_JSON = 'application/cloudevents+json'

/** Extension attributes have plain names, so headers that are none travel in this one, as JSON text; bytes as `{ "base64": … }`. */
const OTHER_HEADERS = 'commheaders'

const decoder = new TextDecoder('utf-8', { fatal: true })

const OWN_NAMES: readonly string[] = [CONTENT_TYPE, TRACE_PARENT, TRACE_STATE]
/** What nearly every event has, so that its names are put together once. */
const USUAL: readonly string[] = [
  ...OWN_NAMES,
  CE_SPEC_VERSION,
  CE_ID,
  CE_SOURCE,
  CE_TYPE,
  CE_TIME,
  CE_CORRELATION_ID,
  CE_SUBJECT,
  CE_PARTITION_KEY,
]
const HEADER_OF: ReadonlyMap<string, string> = new Map(USUAL.map((header) => [attributeOf(header) as string, header]))

/** @returns undefined for a header that is no attribute */
function attributeOf(header: string): string | undefined {
  if (header === CONTENT_TYPE) return 'datacontenttype'
  if (header.startsWith('ce_')) return header.slice(3)
  return OWN_NAMES.includes(header) ? header : undefined
}

/** Text that is its own JSON form, quotes aside: asking is cheaper than making it. */
const PLAIN = /^[\w .:/+@=;-]*$/

/** A header as a member of the event. Events of one client differ in few headers, so the last one of each name is kept. */
class Member {
  readonly #start: string
  #value = ''
  #text: string

  constructor(attribute: string) {
    this.#start = `${quoted(attribute)}:`
    this.#text = `${this.#start}"",`
  }

  of(value: string): string {
    if (value !== this.#value) {
      this.#text = `${this.#start}${quoted(value)},`
      this.#value = value
    }
    return this.#text
  }
}

const USUAL_MEMBERS: ReadonlyMap<string, Member> = new Map(
  USUAL.map((header) => [header, new Member(attributeOf(header) as string)]),
)

/**
 * One event as CloudEvents JSON. JSON bodies go in as `data`, everything else as `data_base64`.
 * @param isJson the body is known to be JSON text, so that nothing needs to look
 */
export function pack(headers: Headers, body: Uint8Array, isJson: boolean): Uint8Array {
  let text = ''
  let others: Record<string, HeaderValue> | undefined
  for (const name in headers) {
    const value = headers[name] as HeaderValue
    const usual = USUAL_MEMBERS.get(name)
    const attribute = usual === undefined ? attributeOf(name) : undefined
    if (usual !== undefined) text += usual.of(textOf(value) as string)
    else if (attribute !== undefined) text += `${quoted(attribute)}:${quoted(textOf(value) as string)},`
    else {
      others ??= {}
      others[name] = value
    }
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
