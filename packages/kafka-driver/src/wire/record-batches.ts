import type { IncomingMessage } from '../driver.ts'
import { Cursor, corrupt } from './cursor.ts'
import type { HeaderReader } from './headers.ts'

/** Record batches of format 2 (Kafka 0.11 and newer): https://kafka.apache.org/documentation/#recordbatch */
const MAGIC = 2
/** Where in a batch something is. */
const LENGTH_AT = 8
const LENGTH_ENDS = 12
const MAGIC_AT = 16
const ATTRIBUTES_AT = 21
/** A batch without records. */
const SMALLEST = 61

const CODEC = 0x07
const LOG_APPEND_TIME = 0x08
const TRANSACTIONAL = 0x10
const CONTROL = 0x20
/** In the key of a control record, behind two bytes of version. */
const ABORT = 0

export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
}

/** What a partition sent, and where the next fetch of it begins. */
export interface DecodedRecords {
  readonly records: readonly IncomingMessage[]
  /** Undefined when there was no whole batch. */
  readonly next: number | undefined
}

/** @param codec of the attributes of a batch, 1 to 4 @throws anything */
export type Decompress = (codec: number, bytes: Buffer) => Promise<Buffer>

/**
 * Reads the batches of one partition: what was committed, without what only Kafka needs. The last batch may be cut off, and comes again. The
 * checksums of batches are not compared, as little as kafkajs does.
 * @returns undefined when one is of an older format
 * @throws ConsumeError; what `decompress` throws
 */
export async function decodeRecords(
  bytes: Buffer,
  aborted: readonly AbortedTransaction[],
  headers: HeaderReader,
  decompress: Decompress,
): Promise<DecodedRecords | undefined> {
  const records: IncomingMessage[] = []
  const filter = new AbortedFilter(aborted)
  let next: number | undefined
  for (let at = 0; at + MAGIC_AT < bytes.length; ) {
    const magic = bytes[at + MAGIC_AT] as number
    if (magic < MAGIC) return undefined
    if (magic > MAGIC) throw corrupt(`a batch of format ${magic}`)
    const length = bytes.readInt32BE(at + LENGTH_AT)
    if (length < SMALLEST - LENGTH_ENDS) throw corrupt(`a batch of ${length} bytes`)
    const end = at + LENGTH_ENDS + length
    if (end > bytes.length) break
    const batch = readBatch(bytes, at, end)
    next = batch.baseOffset + batch.lastOffsetDelta + 1
    const codec = batch.attributes & CODEC
    const packed = bytes.subarray(at + SMALLEST, end)
    const body = new Cursor(codec === 0 ? packed : await decompress(codec, packed))
    if (filter.lets(batch, body)) readRecords(batch, body, headers, records)
    at = end
  }
  return { records, next }
}

interface RecordBatch {
  readonly baseOffset: number
  readonly attributes: number
  readonly lastOffsetDelta: number
  readonly baseTimestamp: number
  readonly maxTimestamp: number
  readonly producerId: number
  readonly count: number
}

function readBatch(bytes: Buffer, at: number, end: number): RecordBatch {
  const cursor = new Cursor(bytes, at, end)
  const baseOffset = cursor.int64()
  cursor.at = at + ATTRIBUTES_AT
  const attributes = cursor.int16()
  const lastOffsetDelta = cursor.int32()
  const baseTimestamp = cursor.int64()
  const maxTimestamp = cursor.int64()
  const producerId = cursor.int64()
  // Epoch and sequence.
  cursor.skip(6)
  const count = cursor.int32()
  if (count < 0 || lastOffsetDelta < 0) throw corrupt(`a batch of ${count} records up to ${lastOffsetDelta}`)
  return { baseOffset, attributes, lastOffsetDelta, baseTimestamp, maxTimestamp, producerId, count }
}

function readRecords(batch: RecordBatch, cursor: Cursor, headers: HeaderReader, records: IncomingMessage[]): void {
  const { attributes, baseOffset, baseTimestamp, maxTimestamp, count } = batch
  const isAppendTime = (attributes & LOG_APPEND_TIME) !== 0
  const { end } = cursor
  for (let index = 0; index < count; index++) {
    const recordEnd = enterRecord(cursor)
    const timestampDelta = cursor.varint()
    const offset = baseOffset + cursor.varint()
    const key = cursor.slice(cursor.varint())
    const value = cursor.slice(cursor.varint())
    const timestamp = isAppendTime ? maxTimestamp : baseTimestamp + timestampDelta
    records.push({ offset, timestamp, key, value, headers: headers.read(cursor) })
    cursor.at = recordEnd
    cursor.end = end
  }
}

/** Up to its own attributes, which mean nothing. @returns its end, which is now the cursor's */
function enterRecord(cursor: Cursor): number {
  const length = cursor.varint()
  const start = cursor.skip(length)
  cursor.at = start
  cursor.end = start + length
  cursor.skip(1)
  return cursor.end
}

/** Passes over transactions that were aborted, and over the marks where transactions end. */
class AbortedFilter {
  readonly #aborted: readonly AbortedTransaction[]
  readonly #producers = new Set<number>()
  #passed = 0

  constructor(aborted: readonly AbortedTransaction[]) {
    this.#aborted = aborted.toSorted((a, b) => a.firstOffset - b.firstOffset)
  }

  /** Called for each batch, in their order. @param body is read only where the batch is a mark */
  lets({ attributes, baseOffset, lastOffsetDelta, producerId, count }: RecordBatch, body: Cursor): boolean {
    const last = baseOffset + lastOffsetDelta
    for (; (this.#aborted[this.#passed]?.firstOffset ?? Number.POSITIVE_INFINITY) <= last; this.#passed++)
      this.#producers.add((this.#aborted[this.#passed] as AbortedTransaction).producerId)
    if ((attributes & CONTROL) === 0) return (attributes & TRANSACTIONAL) === 0 || !this.#producers.has(producerId)
    if (count > 0 && isAbort(body)) this.#producers.delete(producerId)
    return false
  }
}

function isAbort(cursor: Cursor): boolean {
  enterRecord(cursor)
  cursor.varint()
  cursor.varint()
  cursor.skip(cursor.varint() < 4 ? -1 : 2)
  return cursor.int16() === ABORT
}
