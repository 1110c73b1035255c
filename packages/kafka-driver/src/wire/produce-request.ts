import type { OutgoingMessage } from '../driver.ts'
import { crc32c } from './crc32c.ts'
import { MOST_UNIT_BYTES, VARINT_BYTES, Writer } from './writer.ts'

export const PRODUCE_VERSION = 7

export interface ProduceRequest {
  readonly acks: number
  /** Milliseconds. */
  readonly timeout: number
  /** Of 64 bits; absent or -1: not idempotent. */
  readonly producerId?: string | number | undefined
  readonly producerEpoch?: number | undefined
  readonly topicData: readonly {
    readonly topic: string
    readonly partitions: readonly ProducePartition[]
  }[]
}

interface ProducePartition {
  readonly partition: number | string
  readonly firstSequence?: number | undefined
  readonly messages: readonly OutgoingMessage[]
}

const NO_TEXT = -1
const MAGIC = 2
/** What a request, a topic, a partition with its batch, and a record take beside what is of any length. */
const REQUEST_BYTES = 12
const TOPIC_BYTES = 6
const PARTITION_BYTES = 69
const RECORD_BYTES = 1 + 6 * VARINT_BYTES

/**
 * The body of a Produce request of this version, without a transaction and not compressed.
 * https://kafka.apache.org/protocol#The_Messages_Produce and https://kafka.apache.org/documentation/#recordbatch
 *
 * @param now epoch milliseconds, the time of all records
 */
export function encodeProduce(request: ProduceRequest, now: number): Buffer {
  const { acks, timeout, topicData } = request
  const writer = new Writer(mostBytes(request))
  writer.int16(NO_TEXT)
  writer.int16(acks)
  writer.int32(timeout)
  writer.int32(topicData.length)
  for (const { topic, partitions } of topicData) {
    writer.string(topic)
    writer.int32(partitions.length)
    for (const each of partitions) writePartition(writer, each, request, BigInt(now))
  }
  return writer.written
}

function writePartition(
  writer: Writer,
  { partition, firstSequence = 0, messages }: ProducePartition,
  { producerId = -1, producerEpoch = 0 }: ProduceRequest,
  now: bigint,
): void {
  writer.int32(Number(partition))
  const sizeAt = writer.at
  writer.at += 4
  const batchAt = writer.at
  writer.int64(0n)
  const lengthAt = writer.at
  writer.at += 4
  writer.int32(0)
  writer.int8(MAGIC)
  const crcAt = writer.at
  writer.at += 4
  const attributesAt = writer.at
  writer.int16(0)
  writer.int32(messages.length - 1)
  writer.int64(now)
  writer.int64(now)
  writer.int64(BigInt(producerId))
  writer.int16(producerEpoch)
  writer.int32(firstSequence)
  writer.int32(messages.length)
  for (let index = 0; index < messages.length; index++)
    writer.measured(() => writeRecord(writer, messages[index] as OutgoingMessage, index))
  const { bytes, at: end } = writer
  bytes.writeInt32BE(end - batchAt, sizeAt)
  bytes.writeInt32BE(end - lengthAt - 4, lengthAt)
  bytes.writeUInt32BE(crc32c(bytes, attributesAt, end), crcAt)
}

function writeRecord(writer: Writer, { key, value, headers }: OutgoingMessage, offsetDelta: number): void {
  // No attributes, and the time of the batch.
  writer.int8(0)
  writer.varint(0)
  writer.varint(offsetDelta)
  writer.blob(key)
  writer.blob(value)
  const names = Object.keys(headers)
  writer.varint(names.length)
  for (const name of names) {
    writer.text(name)
    const given = headers[name] as string | Buffer
    if (typeof given === 'string') writer.text(given)
    else writer.blob(given)
  }
}

function mostBytes({ topicData }: ProduceRequest): number {
  let bytes = REQUEST_BYTES
  for (const { topic, partitions } of topicData) {
    bytes += TOPIC_BYTES + topic.length * MOST_UNIT_BYTES
    for (const { messages } of partitions) {
      bytes += PARTITION_BYTES
      for (const message of messages) bytes += mostRecordBytes(message)
    }
  }
  return bytes
}

function mostRecordBytes({ key, value, headers }: OutgoingMessage): number {
  let bytes = RECORD_BYTES + (key?.byteLength ?? 0) + value.byteLength
  for (const name in headers) {
    bytes += 2 * VARINT_BYTES + (name.length + (headers[name] as string | Buffer).length) * MOST_UNIT_BYTES
  }
  return bytes
}
