import type { OutboundRecord, PublishResult } from '@comm/messaging'
import {
  type Argument,
  hadNoEffect,
  type RedisConnection,
  type RedisLink,
  RedisScript,
  redisError,
  replyAsError,
} from '@comm/redis-stores/connection'
import { abortedError, impossible, publishError, refused, unroutable, unsupported } from '../errors.ts'
import type { ResolvedPubSub } from '../options.ts'
import { unlessAborted } from '../unless-aborted.ts'

const STORED: PublishResult = Object.freeze({ ok: true })
/** One command carries no more than this, about. */
const COMMAND_BYTES = 8 * 1024 * 1024

/** KEYS: a channel, which tells a Cluster where. ARGV: the command, then channel and message in turn. Returns the receivers of each. */
const PUBLISH_MANY = new RedisScript(`
local receivers = {}
for at = 2, #ARGV, 2 do
  local answer = redis.pcall(ARGV[1], ARGV[at], ARGV[at + 1])
  if type(answer) == 'table' then answer = answer.err end
  receivers[#receivers + 1] = answer
end
return receivers`)

/** Publishes what came together in one call of a script. */
export class ChannelPublisher {
  readonly #connection: RedisConnection
  readonly #options: ResolvedPubSub
  readonly #command: 'PUBLISH' | 'SPUBLISH'
  readonly #countsReceivers: boolean

  /** @param countsReceivers what the server answers are all receivers there are */
  constructor(connection: RedisConnection, options: ResolvedPubSub, countsReceivers: boolean) {
    this.#connection = connection
    this.#options = options
    this.#command = options.sharded ? 'SPUBLISH' : 'PUBLISH'
    this.#countsReceivers = countsReceivers
  }

  async publish(records: readonly OutboundRecord[], signal: AbortSignal): Promise<readonly PublishResult[]> {
    const { link } = this.#connection
    if (signal.aborted || link === undefined) {
      const error = signal.aborted ? abortedError('publishing to Redis', signal) : this.#connection.notConnected('publish')
      return records.map(() => refused(error))
    }
    const results = new Array<PublishResult | undefined>(records.length)
    const sending = this.#batches(records, results).map((batch) => this.#send(link, batch, records, results))
    if (!this.#options.confirmDelivery) return Array.from(results, (result) => result ?? STORED)
    await unlessAborted(Promise.all(sending), signal)
    return Array.from(results, (result) => result ?? refused(abortedError('publishing to Redis', signal), 'unknown'))
  }

  /** Indexes of the records that go together: those of one channel where channels have places, else all that fit. */
  #batches(records: readonly OutboundRecord[], results: (PublishResult | undefined)[]): readonly (readonly number[])[] {
    const batches: number[][] = []
    const open = new Map<string, { readonly indexes: number[]; bytes: number }>()
    for (const [index, record] of records.entries()) {
      results[index] = this.#impossible(record)
      if (results[index] !== undefined) continue
      const place = this.#options.sharded ? record.topic : ''
      let batch = open.get(place)
      if (batch === undefined || batch.bytes > COMMAND_BYTES) {
        batch = { indexes: [], bytes: 0 }
        open.set(place, batch)
        batches.push(batch.indexes)
      }
      batch.indexes.push(index)
      batch.bytes += record.body.byteLength
    }
    return batches
  }

  #impossible(record: OutboundRecord): PublishResult | undefined {
    if (record.group !== undefined) return refused(unsupported('Redis Pub/Sub has no groups, so no record can be for one'))
    return impossible(record, this.#options.maxBodyBytes)
  }

  /** Never rejects. */
  async #send(
    link: RedisLink,
    indexes: readonly number[],
    records: readonly OutboundRecord[],
    results: (PublishResult | undefined)[],
  ): Promise<void> {
    const pairs: Argument[] = []
    for (const index of indexes) {
      const { topic, body } = records[index] as OutboundRecord
      pairs.push(this.#options.keyPrefix + topic, Buffer.from(body.buffer, body.byteOffset, body.byteLength))
    }
    const first = String(pairs[0])
    try {
      const answers = (
        indexes.length === 1
          ? [await link.send(first, [this.#command, ...pairs])]
          : await PUBLISH_MANY.run(link, [first], [this.#command, ...pairs])
      ) as readonly (number | string)[]
      for (const [at, index] of indexes.entries()) results[index] = this.#resultOf(records[index] as OutboundRecord, answers[at])
    } catch (thrown) {
      const stored = hadNoEffect(thrown) ? 'no' : 'unknown'
      for (const index of indexes) {
        const { topic } = records[index] as OutboundRecord
        results[index] = refused(publishError(topic, redisError(thrown, `publish to channel ${topic}`), stored), stored)
      }
    }
  }

  #resultOf({ topic, unroutable: fate = 'error' }: OutboundRecord, answer: number | string | undefined): PublishResult {
    if (typeof answer === 'string') return refused(publishError(topic, replyAsError(answer, `publish to channel ${topic}`), 'no'))
    return answer === 0 && fate === 'error' && this.#countsReceivers ? unroutable(topic) : STORED
  }
}
