import { randomUUID } from 'node:crypto'
import { checkOptions, nonEmptyText, number, required } from '@comm/core/options'
import type { BrokerAdmin, BrowseRequest, StoredRecord } from '@comm/messaging'
import { withinLimit } from '@comm/messaging/adapter'
import type {
  IncomingMessage,
  KafkaDriver,
  KafkaLink,
  KafkaMember,
  PartitionRange,
  Position,
  TopicPartition,
} from './driver/driver.ts'
import { headersOf } from './message.ts'
import type { ResolvedOptions } from './options.ts'
import { type Part, partsOf } from './topic-names.ts'

const BROWSE_LIMIT = 100
const BROWSE_LIMIT_MS = 10_000

export interface AdminParts {
  readonly driver: KafkaDriver
  readonly options: ResolvedOptions
  /** @throws CommunicationError without a connection */
  readonly link: (what: string) => KafkaLink
}

/** What a group has not settled of one partition. */
interface Rest extends TopicPartition, PartitionRange {
  readonly part: Part
  /** The first that it has not settled. */
  readonly from: number
}

/** Looks into topics. Records are never taken out one by one: Kafka has no such thing. */
export class KafkaAdmin implements BrokerAdmin {
  readonly #parts: AdminParts

  constructor(parts: AdminParts) {
    this.#parts = parts
  }

  /** Of what was settled in the last moment some may still be counted: commits are gathered. */
  async lag(topic: string, group: string): Promise<number> {
    return countOf(await this.#rest(this.#parts.link(`look at topic ${topic}`), topic, group))
  }

  async browse(request: BrowseRequest): Promise<readonly StoredRecord[]> {
    checkOptions<BrowseRequest>('browse', request, {
      topic: required(nonEmptyText),
      group: nonEmptyText,
      limit: number({ min: 0, integer: true }),
    })
    const { topic, group, limit = BROWSE_LIMIT } = request
    const rest = await this.#rest(this.#parts.link(`browse topic ${topic}`), topic, group)
    const filled = rest.filter(({ from, high }) => from < high)
    if (filled.length === 0 || limit === 0) return []
    const found = await this.#read(topic, filled, limit)
    return found.toSorted((a, b) => a.timestamp - b.timestamp).slice(0, limit)
  }

  async purge(topic: string, group?: string): Promise<number> {
    const link = this.#parts.link(`purge topic ${topic}`)
    const rest = await this.#rest(link, topic, group)
    for (const part of new Set(rest.map((each) => each.part))) {
      const ends = rest.filter((each) => each.part === part && each.from < each.high).map(toEnd)
      if (ends.length === 0) continue
      // What others may read too is passed over, not deleted.
      if (part.isOwn || group === undefined) await link.deleteRecords(part.name, ends)
      else await link.setCommitted(this.#parts.options.groupId(group, topic), part.name, ends)
    }
    return countOf(rest)
  }

  async #rest(link: KafkaLink, topic: string, group: string | undefined): Promise<readonly Rest[]> {
    const all = partsOf(topic, group)
    const leaders = await Promise.all(all.map(({ name }) => link.leaders(name)))
    const parts = all.filter((_, index) => leaders[index] !== undefined)
    const names = parts.map(({ name }) => name)
    const committed =
      group === undefined || names.length === 0 ? [] : await link.committed(this.#parts.options.groupId(group, topic), names)
    const rest = await Promise.all(
      parts.map(async (part) => {
        const ranges = await link.ranges(part.name)
        return ranges.map((range) => ({ ...range, part, topic: part.name, from: this.#from(part, range, group, committed) }))
      }),
    )
    return rest.flat()
  }

  /** A group that has not begun has nothing but what was published for it alone. */
  #from(
    { name, isOwn }: Part,
    { partition, low, high }: PartitionRange,
    group: string | undefined,
    committed: readonly Position[],
  ): number {
    const position = committed.find((each) => each.topic === name && each.partition === partition)?.offset
    return Math.max(low, position ?? (isOwn || group === undefined ? low : high))
  }

  /** Reads as a member of a group that nobody else knows, and commits nothing. */
  async #read(
    topic: string,
    rest: readonly Rest[],
    limit: number,
  ): Promise<readonly (StoredRecord & { readonly timestamp: number })[]> {
    const { driver, options } = this.#parts
    const records: (StoredRecord & { readonly timestamp: number })[] = []
    const unread = new Map(rest.map((each) => [`${each.topic}/${each.partition}`, { ...each, left: limit }]))
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const topics = [...new Set(rest.map(({ topic }) => topic))]
    const member: KafkaMember = await driver.member(`${options.clientId}-browse-${randomUUID()}`, topics, {
      joined: (_, assignment) => {
        for (const source of assignment) {
          const wanted = unread.get(`${source.topic}/${source.partition}`)
          if (wanted === undefined) member.pause(source)
          else member.seek({ ...source, offset: wanted.from })
        }
      },
      batch: (source, messages, next) => {
        const name = `${source.topic}/${source.partition}`
        const wanted = unread.get(name)
        if (wanted === undefined) return
        for (const message of messages) {
          const offset = Number(message.offset)
          if (offset >= wanted.from && offset < wanted.high && wanted.left-- > 0)
            records.push(stored(topic, wanted.part, source, message))
        }
        if (wanted.left <= 0 || next >= wanted.high) unread.delete(name)
        if (unread.size === 0) resolve()
      },
      failed: reject,
      rebalancing: () => undefined,
      alive: () => undefined,
    })
    try {
      // What is there may end in marks of transactions, which nobody gets to see.
      await withinLimit(options.clock, BROWSE_LIMIT_MS, Promise.all([member.start(), promise]))
    } finally {
      await member.stop()
    }
    return records
  }
}

function toEnd({ topic, partition, high }: Rest): Position {
  return { topic, partition, offset: high }
}

function countOf(rest: readonly Rest[]): number {
  return rest.reduce((sum, { from, high }) => sum + high - from, 0)
}

function stored(
  topic: string,
  part: Part,
  { partition }: TopicPartition,
  message: IncomingMessage,
): StoredRecord & { readonly timestamp: number } {
  const { key, value, offset } = message
  return {
    id: `${part.suffix}${partition}-${offset}`,
    topic,
    key: key?.toString(),
    body: value ?? new Uint8Array(0),
    headers: headersOf(message),
    timestamp: Number(message.timestamp),
  }
}
