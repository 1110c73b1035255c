import type { HeaderValue } from '@comm/messaging'
import { asBuffer } from '@comm/messaging/adapter'

/** What goes beside a body; undefined is absent. Text is written in UTF-8, of which AMQP takes 255 bytes, but for the values of headers. */
export interface MessageFields {
  readonly exchange: string
  readonly routingKey: string
  /** Comes back when no queue takes it. */
  readonly mandatory: boolean
  readonly messageId: string
  /** At most 64 KiB. `content-type` among them goes as the property. */
  readonly headers: Readonly<Record<string, HeaderValue | undefined>>
  /** 0 to 255. */
  readonly priority: number | undefined
  /** In milliseconds, in digits. */
  readonly expiration: string | undefined
}

const METHOD = '\x01'
const HEADER = '\x02'
const BODY = '\x03'
const END = '\xce'
/** Class 60, method 40, and two bytes without use. */
const BASIC_PUBLISH = '\0\x3c\0\x28\0\0'
/** Class 60, two bytes without use, and the upper half of the body's length. */
const BASIC_HEADER = '\0\x3c\0\0\0\0\0\0'
const PERSISTENT = '\x02'
/** Which properties a header has: always headers, delivery mode and message id. */
const ALWAYS = 0x3080
const HAS_CONTENT_TYPE = 0x8000
const HAS_PRIORITY = 0x0800
const HAS_EXPIRATION = 0x0100
const CONTENT_TYPE = 'content-type'

const LONGEST_SHORT_STRING = 255
const LONGEST_TABLE = 65_535

/**
 * What is sent before the body of a persistent message: the frames of its method and its header (AMQP 0-9-1, sections 1.8.3, 2.3.5 and 4.2), a
 * byte in each character.
 * @throws RangeError when a name or the headers are too long
 */
export function messageFrames(channel: number, fields: MessageFields, bodyBytes: number): string {
  const { exchange, routingKey, mandatory, messageId, headers, priority, expiration } = fields
  const method = BASIC_PUBLISH + short(exchange) + short(routingKey) + (mandatory ? '\x01' : '\0')
  const contentType = headers[CONTENT_TYPE]
  let flags = ALWAYS
  let properties = table(headers) + PERSISTENT
  if (contentType !== undefined) {
    flags |= HAS_CONTENT_TYPE
    properties = short(contentType) + properties
  }
  if (priority !== undefined) {
    flags |= HAS_PRIORITY
    properties += String.fromCharCode(priority)
  }
  if (expiration !== undefined) {
    flags |= HAS_EXPIRATION
    properties += short(expiration)
  }
  const header = BASIC_HEADER + uint32(bodyBytes) + uint16(flags) + properties + short(messageId)
  return frame(METHOD, channel, method) + frame(HEADER, channel, header)
}

/** A body that fits in one frame, likewise. */
export function bodyFrame(channel: number, body: Uint8Array): string {
  return frame(BODY, channel, bytesOf(body))
}

function frame(type: string, channel: number, payload: string): string {
  return type + uint16(channel) + long(payload) + END
}

function table(headers: MessageFields['headers']): string {
  let fields = ''
  for (const name in headers) {
    const value = headers[name]
    if (value === undefined || name === CONTENT_TYPE) continue
    fields += short(name) + (typeof value === 'string' ? 'S' : 'x') + long(bytesOf(value))
  }
  if (fields.length > LONGEST_TABLE) throw new RangeError(`the headers take ${fields.length} bytes`)
  return long(fields)
}

function short(value: HeaderValue): string {
  const bytes = bytesOf(value)
  if (bytes.length > LONGEST_SHORT_STRING) throw new RangeError(`'${bytes.slice(0, 32)}…' takes ${bytes.length} bytes`)
  return String.fromCharCode(bytes.length) + bytes
}

function long(bytes: string): string {
  return uint32(bytes.length) + bytes
}

/** Text that is the same in UTF-8 and in memory. */
const PLAIN = /^[ -~]*$/

function bytesOf(value: HeaderValue): string {
  if (typeof value !== 'string') return asBuffer(value).toString('latin1')
  return PLAIN.test(value) ? value : Buffer.from(value).toString('latin1')
}

function uint16(value: number): string {
  return String.fromCharCode(value >>> 8, value & 0xff)
}

function uint32(value: number): string {
  return String.fromCharCode(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff)
}
