import type { IncomingMessage, OutgoingMessage } from '@comm/kafka-driver'
import type { HeaderValue, OutboundRecord } from '@comm/messaging'
import { asBuffer } from '@comm/messaging/adapter'
import type { Part } from './topics.ts'

/** Epoch milliseconds, of records that wait in a topic for delays. */
const NOT_BEFORE = 'comm-not-before'
/** What a record takes beside body, key and headers, at most. */
const OVERHEAD = 64

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

/** The headers as their publisher meant them, whatever client that was. */
export function headersOf({ headers }: IncomingMessage): Readonly<Record<string, HeaderValue>> {
  if (!(NOT_BEFORE in headers)) return headers
  const { [NOT_BEFORE]: _, ...meant } = headers
  return meant
}

/** Epoch milliseconds. None waits longer than its topic keeps it: it comes back early, and is delayed again. */
export function dueAt({ headers, timestamp }: IncomingMessage, { tier }: Part): number {
  return tier === undefined ? 0 : Math.min(Number(headers[NOT_BEFORE] ?? 0) || 0, timestamp + tier.maxMs)
}
