import type { HeaderValue } from '@comm/messaging'
import { Writer } from './writer.ts'

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

const METHOD = 1
const HEADER = 2
const BODY = 3
const END = 0xce
const BASIC = 60
const PUBLISH = 40
/** Fields without use. */
const RESERVED = 0
const PERSISTENT = 2
/** Which properties a header has: always headers, delivery mode and message id. */
const ALWAYS = 0x3080
const HAS_CONTENT_TYPE = 0x8000
const HAS_PRIORITY = 0x0800
const HAS_EXPIRATION = 0x0100
const TEXT = 'S'.charCodeAt(0)
const BYTES = 'x'.charCodeAt(0)
const CONTENT_TYPE = 'content-type'
const LONGEST_TABLE = 65_535

const writer = new Writer()

/**
 * The frames of a persistent message (AMQP 0-9-1, sections 1.8.3, 2.3.5 and 4.2): those of its method and its header, and that of its body if
 * it goes with them.
 * @param isWhole the body goes with them; it must fit in one frame, and into the memory of the writer beside them
 * @throws RangeError when a name or the headers are too long
 */
export function messageFrames(channel: number, fields: MessageFields, body: Uint8Array, isWhole: boolean): Buffer {
  writer.begin()
  writeMethod(channel, fields)
  writeHeader(channel, fields, body.byteLength)
  if (isWhole) {
    const payload = beginFrame(BODY, channel)
    writer.bytes(body)
    endFrame(payload)
  }
  return writer.written()
}

function writeMethod(channel: number, { exchange, routingKey, mandatory }: MessageFields): void {
  const payload = beginFrame(METHOD, channel)
  writer.short(BASIC)
  writer.short(PUBLISH)
  writer.short(RESERVED)
  writer.shortString(exchange)
  writer.shortString(routingKey)
  writer.octet(mandatory ? 1 : 0)
  endFrame(payload)
}

function writeHeader(channel: number, { messageId, headers, priority, expiration }: MessageFields, bodyBytes: number): void {
  const contentType = headers[CONTENT_TYPE]
  let flags = ALWAYS
  if (contentType !== undefined) flags |= HAS_CONTENT_TYPE
  if (priority !== undefined) flags |= HAS_PRIORITY
  if (expiration !== undefined) flags |= HAS_EXPIRATION
  const payload = beginFrame(HEADER, channel)
  writer.short(BASIC)
  writer.short(RESERVED)
  // The upper half of the body's length.
  writer.long(0)
  writer.long(bodyBytes)
  writer.short(flags)
  if (contentType !== undefined) writer.shortString(contentType)
  writeTable(headers)
  writer.octet(PERSISTENT)
  if (priority !== undefined) writer.octet(priority)
  if (expiration !== undefined) writer.shortString(expiration)
  writer.shortString(messageId)
  endFrame(payload)
}

function writeTable(headers: MessageFields['headers']): void {
  const table = writer.beginMeasured()
  for (const name in headers) {
    const value = headers[name]
    if (value === undefined || name === CONTENT_TYPE) continue
    writer.shortString(name)
    writer.octet(typeof value === 'string' ? TEXT : BYTES)
    writer.longString(value)
  }
  const length = writer.endMeasured(table)
  if (length > LONGEST_TABLE) throw new RangeError(`the headers take more than ${LONGEST_TABLE} bytes`)
}

/** @returns where its payload is measured */
function beginFrame(type: number, channel: number): number {
  writer.octet(type)
  writer.short(channel)
  return writer.beginMeasured()
}

function endFrame(payload: number): void {
  writer.endMeasured(payload)
  writer.octet(END)
}
