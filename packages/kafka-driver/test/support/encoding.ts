import { createRequire } from 'node:module'

interface Encoder {
  readonly buffer: Buffer
  writeInt8(value: number): Encoder
  writeInt16(value: number): Encoder
  writeInt32(value: number): Encoder
  writeInt64(value: number): Encoder
  writeString(value: string): Encoder
  writeBytes(value: Buffer): Encoder
  writeBuffer(value: Buffer): Encoder
  writeVarInt(value: number): Encoder
  writeVarLong(value: number): Encoder
  writeVarIntBytes(value: Buffer | null): Encoder
}

export interface RecordParts {
  readonly offsetDelta: number
  readonly timestampDelta: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly (readonly [name: string, value: Buffer | null])[]
}

export interface BatchParts {
  readonly firstOffset: number
  readonly firstTimestamp: number
  readonly maxTimestamp: number
  readonly lastOffsetDelta: number
  readonly producerId: number
  readonly compression: number
  readonly transactional: boolean
}

/** What kafkajs writes with: the other side of what is read here. */
export const load: NodeJS.Require = createRequire(createRequire(import.meta.url).resolve('kafkajs'))
const KafkaEncoder = load('./src/protocol/encoder') as new () => Encoder
const { RecordBatch } = load('./src/protocol/recordBatch/v0') as {
  RecordBatch(parts: Partial<BatchParts> & { records: readonly Encoder[] }): Promise<Encoder>
}
const decodeByKafkaJs = (load('./src/protocol/requests/fetch/v11/response') as { decode(bytes: Buffer): Promise<unknown> }).decode

export { decodeByKafkaJs }

export function encoder(): Encoder {
  return new KafkaEncoder()
}

export function record({
  offsetDelta = 0,
  timestampDelta = 0,
  key = null,
  value = null,
  headers = [],
}: Partial<RecordParts>): Encoder {
  const body = encoder().writeInt8(0).writeVarLong(timestampDelta).writeVarInt(offsetDelta)
  body.writeVarIntBytes(key).writeVarIntBytes(value).writeVarInt(headers.length)
  for (const [name, given] of headers) body.writeVarIntBytes(Buffer.from(name)).writeVarIntBytes(given)
  return encoder().writeVarIntBytes(body.buffer)
}

export async function batch(records: readonly Encoder[], parts: Partial<BatchParts> = {}): Promise<Buffer> {
  return (await RecordBatch({ firstTimestamp: 0, maxTimestamp: 0, lastOffsetDelta: records.length - 1, ...parts, records }))
    .buffer
}

/** The mark at the end of a transaction. kafkajs writes none: it is a batch with another bit of its attributes set. */
export async function mark(isAbort: boolean, parts: Partial<BatchParts>): Promise<Buffer> {
  const key = encoder()
    .writeInt16(0)
    .writeInt16(isAbort ? 0 : 1).buffer
  const bytes = await batch([record({ key, value: Buffer.alloc(6) })], { transactional: true, ...parts })
  bytes[22] = (bytes[22] as number) | 0x20
  return bytes
}

export interface PartitionParts {
  readonly records: Buffer
  readonly partition?: number
  readonly aborted?: readonly { readonly producerId: number; readonly firstOffset: number }[]
}

/** @param version 11, or an older one, which says nothing of replicas */
export function response(topic: string, partitions: readonly PartitionParts[], version = 11): Buffer {
  const bytes = encoder()
    .writeInt32(3)
    .writeInt16(0)
    .writeInt32(77)
    .writeInt32(1)
    .writeString(topic)
    .writeInt32(partitions.length)
  for (const { records, partition = 0, aborted } of partitions) {
    bytes
      .writeInt32(partition)
      .writeInt16(0)
      .writeInt64(5000)
      .writeInt64(4900)
      .writeInt64(0)
      .writeInt32(aborted?.length ?? -1)
    for (const { producerId, firstOffset } of aborted ?? []) bytes.writeInt64(producerId).writeInt64(firstOffset)
    if (version === 11) bytes.writeInt32(-1)
    bytes.writeBytes(records)
  }
  return bytes.buffer
}
