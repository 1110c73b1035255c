import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { checkArgument, checkOptions, nonEmptyText, number, object } from '@comm/core/options'
import { type AuditHead, type AuditKey, auditKey, NO_RECORD, readAuditLine } from './audit-record.ts'

export interface AuditVerification {
  /** Nothing was changed, taken out, put in or reordered; with `head` given, nothing was cut off the end either. */
  readonly intact: boolean
  /** Records found true, from the first on. */
  readonly records: number
  /** The last of these. */
  readonly head: AuditHead
  /** Lines that a crash has left half written. They are not part of the trail. */
  readonly torn: number
  /** Where it first is not what was written. */
  readonly broken?: { readonly line: number; readonly reason: string }
}

export interface VerifyOptions {
  /** With which the trail was written. */
  readonly key?: AuditKey
  /** The head as it was noted elsewhere: the trail must have this record. */
  readonly head?: AuditHead
}

/**
 * Reads a trail from its first line to its last and checks each.
 * @throws ConfigurationError for wrong options, and the failure to read the file
 */
export async function verifyAuditTrail(file: string, options: VerifyOptions = {}): Promise<AuditVerification> {
  checkArgument('verifyAuditTrail file', file, nonEmptyText)
  checkOptions<VerifyOptions>('verifyAuditTrail', options, { key: auditKey, head: object })
  if (options.head !== undefined) {
    checkOptions<AuditHead>('verifyAuditTrail.head', options.head, { seq: number({ min: 0, integer: true }), hash: nonEmptyText })
  }
  const { key, head: noted } = options
  let head = NO_RECORD
  let torn = 0
  let at = 0
  const found = (broken?: AuditVerification['broken']): AuditVerification => ({
    intact: broken === undefined,
    records: head.seq,
    head,
    torn,
    ...(broken === undefined ? {} : { broken }),
  })
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })) {
    at += 1
    if (line === '') continue
    const read = readAuditLine(line, key)
    if (read === undefined) {
      torn += 1
      continue
    }
    const reason = whatIsWrong(read, head, noted)
    if (reason !== undefined) return found({ line: at, reason })
    head = { seq: read.record.seq, hash: read.record.hash }
  }
  if (noted === undefined || noted.seq <= head.seq) return found()
  return found({ line: at, reason: `the trail ends with record ${head.seq}, and record ${noted.seq} was noted` })
}

function whatIsWrong(
  { record, isTrue }: NonNullable<ReturnType<typeof readAuditLine>>,
  head: AuditHead,
  noted: AuditHead | undefined,
): string | undefined {
  if (!isTrue) return 'its hash is not that of its content: it was changed, or written with another key'
  if (record.seq !== head.seq + 1) return `it is record ${record.seq} where record ${head.seq + 1} should be`
  if (record.previous !== head.hash) return `it does not follow on record ${head.seq}`
  if (noted?.seq === record.seq && noted.hash !== record.hash) return `record ${record.seq} is not the one that was noted`
  return undefined
}
