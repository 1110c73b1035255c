import type { HeaderValue, OutboundRecord, StoredRecord } from '../broker.ts'

/** A published record. All groups share it: it is copied once, when it is published, and never changes. */
export interface MemoryRecord extends StoredRecord {
  readonly timestamp: number
  readonly notBefore: number | undefined
  readonly expiresAt: number | undefined
  readonly priority: number
}

export const HIGHEST_PRIORITY = 9

export function storeRecord(outbound: OutboundRecord, id: string, timestamp: number): MemoryRecord {
  return {
    id,
    topic: outbound.topic,
    key: outbound.key,
    body: new Uint8Array(outbound.body),
    headers: copyHeaders(outbound.headers),
    timestamp,
    notBefore: outbound.notBefore,
    expiresAt: outbound.expiresAt,
    priority: Math.min(HIGHEST_PRIORITY, Math.max(0, Math.trunc(outbound.priority ?? 0))),
  }
}

function copyHeaders(headers: Readonly<Record<string, HeaderValue>>): Readonly<Record<string, HeaderValue>> {
  const copy = { ...headers }
  for (const name in copy) {
    const value = copy[name]
    if (typeof value === 'object') copy[name] = new Uint8Array(value)
  }
  return copy
}

export function isExpired(record: MemoryRecord, wall: number): boolean {
  return record.expiresAt !== undefined && record.expiresAt <= wall
}
