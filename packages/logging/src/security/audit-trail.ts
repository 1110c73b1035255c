import { closeSync, fdatasyncSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { type Clock, CommunicationError, currentContext, systemClock } from '@comm/core'
import { boolean, checkOptions, nonEmptyText, required, withDefaults, withMethods } from '@comm/core/options'
import { LOGGING_DEFAULTS } from '../options.ts'
import { plainData } from '../plain-data.ts'
import { secretKeys } from '../secret-keys.ts'
import { type AuditEvent, type AuditHead, type AuditKey, type AuditRecord, auditKey, auditLine } from './audit-record.ts'
import { trailEnd } from './trail-end.ts'

export interface AuditTrailOptions {
  /** One record a line; made when it is not there, continued when it is. One process writes to it. */
  readonly file: string
  /** With a secret key nobody without it can make up records; without one, a whole trail can be written anew. */
  readonly key?: AuditKey
  /** Waits for the disk after each record, so that a power cut loses none. @default false */
  readonly sync?: boolean
  /** @default systemClock */
  readonly clock?: Clock
}

export const AUDIT_TRAIL_DEFAULTS: Readonly<Required<Pick<AuditTrailOptions, 'sync' | 'clock'>>> = Object.freeze({
  sync: false,
  clock: systemClock,
})

/** A record of what was done by whom, each line sealed by the one before: `verifyAuditTrail` shows what was changed or taken out. */
export interface AuditTrail extends Disposable {
  /**
   * Writes a record; it is with the operating system when the call returns.
   * @throws CommunicationError COMM_CLOSED, or the failure of the write: what cannot be recorded should not be done
   */
  record(event: AuditEvent): AuditRecord
  /** The last record. */
  readonly head: AuditHead
  close(): void
}

/**
 * Opens an audit trail.
 * @throws ConfigurationError naming every wrong option
 * @throws ValidationError when the last record that is there is not what was written
 */
export function auditTrail(options: AuditTrailOptions): AuditTrail {
  checkOptions<AuditTrailOptions>('auditTrail', options, {
    file: required(nonEmptyText),
    key: auditKey,
    sync: boolean,
    clock: withMethods('a Clock', 'wall'),
  })
  const { file, key, sync, clock } = withDefaults(AUDIT_TRAIL_DEFAULTS, options)
  const plain = plainData(LOGGING_DEFAULTS, secretKeys([], []))
  mkdirSync(dirname(file), { recursive: true })
  const { head: found, endsWhole } = trailEnd(file, key)
  let head = found
  let descriptor: number | undefined = openSync(file, 'a', 0o640)
  let isWhole = endsWhole
  return {
    get head() {
      return head
    },
    record(event) {
      if (descriptor === undefined) throw new CommunicationError(`the audit trail ${file} is closed`, { code: 'COMM_CLOSED' })
      const correlationId = currentContext()?.correlationId
      const record = {
        seq: head.seq + 1,
        timestamp: new Date(clock.wall()).toISOString(),
        audit: plain.fields({ ...event }) as unknown as AuditEvent,
        ...(correlationId === undefined ? {} : { correlationId }),
        previous: head.hash,
      }
      const { line, hash } = auditLine(record, key)
      // What a crash, or a disk that was full, has left half written is a line of its own.
      const text = `${isWhole ? '' : '\n'}${line}\n`
      isWhole = false
      writeWhole(descriptor, text)
      isWhole = true
      // It is there, whatever the disk says next.
      head = { seq: record.seq, hash }
      if (sync) fdatasyncSync(descriptor)
      return { ...record, hash }
    },
    close,
    [Symbol.dispose]: close,
  }

  function close(): void {
    if (descriptor !== undefined) closeSync(descriptor)
    descriptor = undefined
  }
}

function writeWhole(descriptor: number, text: string): void {
  const bytes = Buffer.from(text)
  for (let written = 0; written < bytes.length; ) written += writeSync(descriptor, bytes, written)
}
