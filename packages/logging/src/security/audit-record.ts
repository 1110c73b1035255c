import { createHash, createHmac } from 'node:crypto'
import type { SecurityActor } from '@comm/core'
import { type Rule, secret } from '@comm/core/options'

/** Something that somebody did, or was kept from doing. */
export interface AuditEvent extends SecurityActor {
  /** What was done: `order.cancel`, `role.grant` … */
  readonly action: string
  /** To what: `order/7`, `user/ada` … */
  readonly resource: string
  readonly outcome: 'success' | 'failure' | 'denied'
  readonly reason?: string
  /** Facts for the one who looks into it: what was before, what is now. Secrets in it are redacted. */
  readonly details?: Readonly<Record<string, unknown>>
}

/** One line of an audit trail. */
export interface AuditRecord {
  /** 1 for the first of a trail. */
  readonly seq: number
  /** ISO 8601, UTC. */
  readonly timestamp: string
  readonly audit: AuditEvent
  /** Of the call in which it happened. */
  readonly correlationId?: string
  /** `hash` of the record before; of the first record: 64 zeros. */
  readonly previous: string
  /** SHA-256 of this line without its `hash`, in hexadecimal; with a key HMAC-SHA-256 (RFC 2104). */
  readonly hash: string
}

/** The end of a trail: who keeps it elsewhere sees when the last records have been cut off. */
export interface AuditHead {
  readonly seq: number
  readonly hash: string
}

/** Before the first record. */
export const NO_RECORD: AuditHead = Object.freeze({ seq: 0, hash: '0'.repeat(64) })

export type AuditKey = string | Uint8Array

export const auditKey: Rule = secret({
  expected: 'a key of at least 16 bytes, as text or bytes',
  accepts: (value) => (typeof value === 'string' || value instanceof Uint8Array) && value.length >= 16,
})

/** The line of a record: its JSON, with the hash of everything before it as the last member. */
export function auditLine(record: Omit<AuditRecord, 'hash'>, key: AuditKey | undefined): { line: string; hash: string } {
  const text = JSON.stringify(record)
  const hash = hashOf(text, key)
  return { line: `${text.slice(0, -1)},"hash":"${hash}"}`, hash }
}

const HASH_AT_END = /,"hash":"([0-9a-f]{64})"\}$/

/** @returns undefined when the line is no whole record; `isTrue` says whether the hash is that of the rest of the line */
export function readAuditLine(
  line: string,
  key: AuditKey | undefined,
): { readonly record: AuditRecord; readonly isTrue: boolean } | undefined {
  const hash = HASH_AT_END.exec(line)?.[1]
  if (hash === undefined) return undefined
  const text = `${line.slice(0, -HASH_LENGTH)}}`
  try {
    const record = JSON.parse(line) as AuditRecord
    if (typeof record.seq !== 'number' || typeof record.previous !== 'string') return undefined
    return { record, isTrue: hashOf(text, key) === hash }
  } catch {
    return undefined
  }
}

const HASH_LENGTH = ',"hash":""}'.length + 64

function hashOf(text: string, key: AuditKey | undefined): string {
  return (key === undefined ? createHash('sha256') : createHmac('sha256', key)).update(text).digest('hex')
}
