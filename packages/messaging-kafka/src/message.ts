import { isUtf8 } from 'node:buffer'
import type { IncomingMessage, OutgoingMessage } from '@comm/kafka-driver'
import type { HeaderValue, OutboundRecord } from '@comm/messaging'

/** Epoch milliseconds, of records that wait in a topic for delays. */
const NOT_BEFORE = 'comm-not-before'
/** What a record takes beside body, key and headers, at most. */
const OVERHEAD = 64
const REPLACED = '\uFFFD'

/** The same memory as a Buffer. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

export function messageOf(record: OutboundRecord, key: Buffer | null, partition: number, isDelayed: boolean): OutgoingMessage {
  const headers: Record<string, string | Buffer> = isDelayed ? { [NOT_BEFORE]: String(record.notBefore) } : {}
  for (const name in record.headers) {
    const value = record.headers[name] as HeaderValue
    headers[name] = typeof value === 'string' ? value : asBuffer(value)
  }
  return { partition, key, value: asBuffer(record.body), headers }
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
  const text = value.toString()
  return typeof value === 'string' || !text.includes(REPLACED) || isUtf8(value) ? text : value
}

/** 0 when it need not wait. */
export function notBeforeOf({ headers }: IncomingMessage): number {
  return Number(headers?.[NOT_BEFORE] ?? 0) || 0
}
