import type { Batch, Cluster, KafkaMessage } from 'kafkajs'
import { unpack } from './codecs.ts'
import type { IncomingBatch, IncomingMessage } from './driver.ts'
import { changeRequests } from './kafkajs-requests.ts'
import { decodeFetch, FETCH_VERSION, type FetchedPartition } from './wire/fetch-response.ts'
import { HeaderReader, type HeaderText, setHeader, textOrBytes } from './wire/headers.ts'

const FETCH = 1
export const NO_REPLICA = -1

/** The types of kafkajs do not know the offset that was asked for. */
export interface FetchedBatch extends Batch {
  readonly fetchedOffset: string
}

/**
 * All that was fetched of one partition, as one message: kafkajs spends as much on a message as all else that is done with it, so it gets to
 * see one, the last.
 */
class Parcel {
  readonly offset: string
  readonly isControlRecord = false
  readonly records: readonly IncomingMessage[]

  constructor(last: number, records: readonly IncomingMessage[]) {
    this.offset = String(last)
    this.records = records
  }
}

/** Lets what this consumer fetches be read by us where we can; else kafkajs goes on as it does without us. */
export function readFetches(cluster: Pick<Cluster, 'findBroker'>): void {
  const headers = new HeaderReader()
  changeRequests(cluster, FETCH, (make) => (input) => {
    const call = make(input)
    const { request, response } = call
    if (request.apiVersion !== FETCH_VERSION) return call
    const decode = async (payload: Buffer): Promise<unknown> => (await parcels(payload, headers)) ?? response.decode(payload)
    return { ...call, response: { ...response, decode } }
  })
}

/** As kafkajs reads it. @returns undefined where it has to do so itself @throws ConsumeError; what kafkajs throws where a codec is missing */
async function parcels(payload: Buffer, headers: HeaderReader): Promise<unknown> {
  const read = await decodeFetch(payload, headers, unpack)
  if (read === undefined) return undefined
  const { throttleMs: clientSideThrottleTime, errorCode, sessionId, topics } = read
  const responses = topics.map(({ topic, partitions }) => ({
    topicName: topic,
    partitions: partitions.filter(hasNews).map(parcelled),
  }))
  return { throttleTime: 0, clientSideThrottleTime, errorCode, sessionId, responses }
}

/**
 * Of each partition that it is told of kafkajs makes a batch, and sends a heartbeat after it when one is due: after one that failed, once for
 * each, before it joins its group anew.
 */
function hasNews({ errorCode, preferredReadReplica, decoded }: FetchedPartition): boolean {
  return decoded.next !== undefined || errorCode !== 0 || preferredReadReplica !== NO_REPLICA
}

function parcelled({ decoded: { records, next }, highWatermark, ...others }: FetchedPartition): unknown {
  const messages = next === undefined ? [] : [new Parcel(next - 1, records)]
  return { ...others, highWatermark: String(highWatermark), abortedTransactions: [], messages }
}

export function incoming(batch: FetchedBatch): IncomingBatch {
  const { topic, partition, fetchedOffset, highWatermark } = batch
  const from = Number(fetchedOffset)
  const next = Number(batch.lastOffset()) + 1
  return { source: { topic, partition }, messages: messagesOf(batch.messages, from), from, next, high: Number(highWatermark) }
}

export function messagesOf(messages: Batch['messages'], from: number): readonly IncomingMessage[] {
  const first: unknown = messages[0]
  if (!(first instanceof Parcel)) return messages.map(messageOf)
  const { records } = first
  // A batch comes whole, also when it is asked for from its middle.
  const isBefore = (records[0]?.offset ?? from) < from
  return isBefore ? records.filter(({ offset }) => offset >= from) : records
}

function messageOf({ offset, timestamp, key, value, headers: received = {} }: KafkaMessage): IncomingMessage {
  const headers: Record<string, HeaderText> = {}
  for (const [name, given] of Object.entries(received)) {
    const last = Array.isArray(given) ? given.at(-1) : given
    if (last !== undefined && last !== null) setHeader(headers, name, typeof last === 'string' ? last : textOrBytes(last))
  }
  return { offset: Number(offset), timestamp: Number(timestamp), key, value, headers }
}
