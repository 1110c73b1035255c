import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { ValidationError } from '@comm/core'
import { type AuditHead, type AuditKey, NO_RECORD, readAuditLine } from './audit-record.ts'

export interface TrailEnd {
  readonly head: AuditHead
  /** False after a crash in the middle of a record. */
  readonly endsWhole: boolean
}

const FIRST_LOOK_BYTES = 65_536

/**
 * Finds the last record of a trail, from its end; what is before is the business of `verifyAuditTrail`.
 * @throws ValidationError when that record is not what was written: it must not be continued as if it were
 */
export function trailEnd(file: string, key: AuditKey | undefined): TrailEnd {
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_CREAT, 0o640)
  try {
    const { size } = fstatSync(descriptor)
    for (let look = FIRST_LOOK_BYTES; ; look *= 2) {
      const from = Math.max(0, size - look)
      const text = readFrom(descriptor, from, size - from)
      const lines = text.split('\n')
      // The first one may have begun before what was read.
      if (from > 0) lines.shift()
      const last = lines.map((line) => readAuditLine(line, key)).findLast((read) => read !== undefined)
      if (last !== undefined && !last.isTrue) throw broken(file, last.record.seq)
      const head = last === undefined ? NO_RECORD : { seq: last.record.seq, hash: last.record.hash }
      if (last !== undefined || from === 0) return { head, endsWhole: size === 0 || text.endsWith('\n') }
    }
  } finally {
    closeSync(descriptor)
  }
}

function readFrom(descriptor: number, from: number, length: number): string {
  const bytes = Buffer.alloc(length)
  for (let read = 0; read < length; ) {
    const more = readSync(descriptor, bytes, read, length - read, from + read)
    if (more === 0) break
    read += more
  }
  return bytes.toString('utf8')
}

function broken(file: string, seq: number): ValidationError {
  const what = `record ${seq} of the audit trail ${file} is not what was written, or was written with another key`
  return new ValidationError(`${what}: the trail is not continued; verify it, and move the file away`, {
    details: { issues: [{ path: [file, seq], message: what }] },
  })
}
