import { isUtf8 } from 'node:buffer'
import type { HeaderValue, OutboundRecord } from '@comm/messaging'
import type { IncomingMessage, OutgoingMessage } from './driver/driver.ts'

/** Epoch milliseconds, of records that wait in a topic for delays. */
const NOT_BEFORE = 'comm-not-before'
/** What a record takes beside body, key and headers, at most. */
const OVERHEAD = 64

/** The same memory as a Buffer. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

export function messageOf(record: OutboundRecord, key: Buffer | null, partition: number, isDelayed: boolean): OutgoingMessage {
  return { partition, key, value: asBuffer(record.body), headers: headersFor(record, isDelayed) }
}

function headersFor({ headers, notBefore }: OutboundRecord, isDelayed: boolean): Record<string, string | Buffer> {
  const written: Record<string, string | Buffer> = isDelayed ? { [NOT_BEFORE]: String(notBefore) } : {}
  for (const name in headers) {
    const value = headers[name] as HeaderValue
    written[name] = typeof value === 'string' ? value : asBuffer(value)
  }
  return written
}

/** About the bytes that it takes in a request. */
export function sizeOf({ key, value, headers }: OutgoingMessage): number {
  let bytes = OVERHEAD + value.byteLength + (key?.byteLength ?? 0)
  for (const name in headers) bytes += name.length + (headers[name] as string | Buffer).length
  return bytes
}

/** The headers as their publisher meant them, whatever client that was; of several of one name the last. */
export function headersOf({ headers = {} }: IncomingMessage): Readonly<Record<string, HeaderValue>> {
  const read: Record<string, HeaderValue> = {}
  for (const name in headers) {
    const values = headers[name]
    const value = Array.isArray(values) ? values.at(-1) : values
    if (value !== undefined && value !== null && name !== NOT_BEFORE) read[name] = textOrBytes(value)
  }
  return read
}

/** Kafka does not tell text from bytes. */
function textOrBytes(value: Buffer | string): HeaderValue {
  return typeof value === 'string' || !isUtf8(value) ? value : value.toString()
}

/** 0 when it need not wait. */
export function notBeforeOf({ headers }: IncomingMessage): number {
  const value = headers?.[NOT_BEFORE]
  return value === undefined ? 0 : Number(value) || 0
}
