import { checkOptions, nonEmptyText, number, required } from '@comm/core/options'
import { type Connection, type KafkaLink, type Position, type ReadRange, readRecords } from '@comm/kafka-driver'
import type { BrokerAdmin, BrowseRequest, StoredRecord } from '@comm/messaging'
import { headersOf } from './message.ts'
import type { ResolvedOptions } from './options.ts'
import { type Part, partsOf } from './topics.ts'

const BROWSE_LIMIT = 100
const NO_BYTES = new Uint8Array(0)

/** What a group has not settled of one partition. */
interface Rest extends ReadRange {
  readonly part: Part
}

/** Looks into topics. Records are never taken out one by one: Kafka has no such thing. */
export class KafkaAdmin implements BrokerAdmin {
  readonly #connection: Connection
  readonly #options: ResolvedOptions

  constructor(connection: Connection, options: ResolvedOptions) {
    this.#connection = connection
    this.#options = options
  }

  /** Of what was settled in the last moment some may still be counted: commits are gathered. */
  async lag(topic: string, group: string): Promise<number> {
    return countOf(await this.#rest('look at', topic, group))
  }

  async browse(request: BrowseRequest): Promise<readonly StoredRecord[]> {
    checkOptions<BrowseRequest>('browse', request, {
      topic: required(nonEmptyText),
      group: nonEmptyText,
      limit: number({ min: 0, integer: true }),
    })
    const { topic, group, limit = BROWSE_LIMIT } = request
    const filled = (await this.#rest('browse', topic, group)).filter(({ from, until }) => from < until)
    if (filled.length === 0 || limit === 0) return []
    const read = await readRecords(this.#connection.driver, this.#options, filled, limit)
    const records = read.map(({ range: { part, partition }, message }) => ({
      id: `${part.prefix}${partition}-${message.offset}`,
      topic,
      key: message.key?.toString(),
      body: message.value ?? NO_BYTES,
      headers: headersOf(message),
      timestamp: Number(message.timestamp),
    }))
    return records.toSorted((a, b) => a.timestamp - b.timestamp).slice(0, limit)
  }

  async purge(topic: string, group?: string): Promise<number> {
    const rest = await this.#rest('purge', topic, group)
    const link = this.#connection.require(`purge topic ${topic}`)
    for (const part of new Set(rest.map((each) => each.part))) {
      const filled = rest.filter((each) => each.part === part && each.from < each.until)
      const ends = filled.map(({ partition, until }) => ({ topic: part.name, partition, offset: until }))
      if (ends.length === 0) continue
      // What others may read too is passed over, not deleted.
      if (part.isOwn || group === undefined) await link.deleteRecords(part.name, ends)
      else await link.setCommitted(this.#options.groupId(group, topic), part.name, ends)
    }
    return countOf(rest)
  }

  async #rest(what: string, topic: string, group: string | undefined): Promise<readonly Rest[]> {
    const link = this.#connection.require(`${what} topic ${topic}`)
    const all = partsOf(topic, group)
    const leaders = await Promise.all(all.map(({ name }) => link.leaders(name)))
    const parts = all.filter((_, index) => leaders[index] !== undefined)
    const groupId = group === undefined || parts.length === 0 ? undefined : this.#options.groupId(group, topic)
    const names = parts.map(({ name }) => name)
    const committed = groupId === undefined ? [] : await link.committed(groupId, names)
    return (await Promise.all(parts.map((part) => restOf(link, part, group === undefined, committed)))).flat()
  }
}

/** A group that has not begun has nothing but what was published for it alone. */
async function restOf(link: KafkaLink, part: Part, isForAll: boolean, committed: readonly Position[]): Promise<Rest[]> {
  const ranges = await link.ranges(part.name)
  return ranges.map(({ partition, low, high }) => {
    const position = committed.find((each) => each.topic === part.name && each.partition === partition)
    const from = Math.max(low, position?.offset ?? (part.isOwn || isForAll ? low : high))
    return { part, topic: part.name, partition, from, until: high }
  })
}

function countOf(rest: readonly Rest[]): number {
  return rest.reduce((sum, { from, until }) => sum + until - from, 0)
}
