import { Cursor, corrupt } from './cursor.ts'
import type { HeaderReader } from './headers.ts'
import { type AbortedTransaction, type DecodedRecords, type Decompress, decodeRecords } from './record-batches.ts'

/** The version of the answer that is read here: Kafka 2.3 and newer, and the newest that kafkajs asks for. */
export const FETCH_VERSION = 11

export interface FetchedPartition {
  readonly partition: number
  readonly errorCode: number
  readonly highWatermark: number
  readonly preferredReadReplica: number
  readonly decoded: DecodedRecords
}

export interface FetchResponse {
  readonly throttleMs: number
  readonly errorCode: number
  readonly sessionId: number
  readonly topics: readonly { readonly topic: string; readonly partitions: readonly FetchedPartition[] }[]
}

/**
 * Reads an answer to Fetch: https://kafka.apache.org/protocol#The_Messages_Fetch
 * @returns undefined when it has records of an older format
 * @throws ConsumeError; what `decompress` throws
 */
export async function decodeFetch(
  bytes: Buffer,
  headers: HeaderReader,
  decompress: Decompress,
): Promise<FetchResponse | undefined> {
  const cursor = new Cursor(bytes)
  const throttleMs = cursor.int32()
  const errorCode = cursor.int16()
  const sessionId = cursor.int32()
  const topics = []
  for (let left = countOf(cursor); left > 0; left--) {
    const topic = cursor.text(cursor.int16())
    const partitions: FetchedPartition[] = []
    for (let more = countOf(cursor); more > 0; more--) {
      const partition = cursor.int32()
      const errorCode = cursor.int16()
      const highWatermark = cursor.int64()
      // Last stable offset, and start of the log.
      cursor.skip(16)
      const aborted = abortedOf(cursor)
      const preferredReadReplica = cursor.int32()
      const records = cursor.slice(cursor.int32()) ?? NO_BYTES
      const decoded = await decodeRecords(records, aborted, headers, decompress)
      if (decoded === undefined) return undefined
      partitions.push({ partition, errorCode, highWatermark, preferredReadReplica, decoded })
    }
    topics.push({ topic, partitions })
  }
  return { throttleMs, errorCode, sessionId, topics }
}

const NO_BYTES = Buffer.alloc(0)

function countOf(cursor: Cursor): number {
  const count = cursor.int32()
  // Each takes a byte at least.
  if (count > cursor.left) throw corrupt(`${count} entries in ${cursor.left} bytes`)
  return count
}

function abortedOf(cursor: Cursor): readonly AbortedTransaction[] {
  const aborted: AbortedTransaction[] = []
  for (let left = countOf(cursor); left > 0; left--) aborted.push({ producerId: cursor.int64(), firstOffset: cursor.int64() })
  return aborted
}
