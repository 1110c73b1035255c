import {
  type Connection,
  commitFor,
  countUnsettled,
  type Peeked,
  type Position,
  readRecords,
  settleSome,
  type Unsettled,
  unsettledOf,
} from '@comm/kafka-driver'
import type { BrokerAdmin, BrowseRequest, StoredRecord } from '@comm/messaging'
import { checkBrowse, unsupported } from '@comm/messaging/adapter'
import { dueAt, headersOf } from './message.ts'
import type { ResolvedOptions } from './options.ts'
import { type Part, partsOf } from './topics.ts'

const NO_BYTES = new Uint8Array(0)

/** What a group has not settled of one partition. */
interface Rest extends Unsettled {
  readonly part: Part
  /** Of the record that will be written next. */
  readonly high: number
}

/** Looks into topics. Nothing is taken out of them one by one: Kafka has no such thing. What is removed is settled on behalf of its group. */
export class KafkaAdmin implements Required<BrokerAdmin> {
  readonly #connection: Connection
  readonly #options: ResolvedOptions

  constructor(connection: Connection, options: ResolvedOptions) {
    this.#connection = connection
    this.#options = options
  }

  /**
   * Of what was settled in the last moment some may still be counted: commits are gathered. What is due among what waits is looked for at
   * the beginning of each partition; what lies there for longer than anything may counts wherever it is.
   */
  async lag(topic: string, group: string): Promise<number> {
    const now = this.#options.clock.wall()
    const rest = await this.#rest('look at', topic, group, now)
    const beyond = rest.filter(({ until, high }) => until < high).map((each) => ({ ...each, from: each.until, until: each.high }))
    const seen = beyond.length === 0 ? [] : await this.#connection.require(`look at topic ${topic}`).peek(beyond)
    const isDue = ({ range: { done, part }, message }: Peeked<Rest>): boolean =>
      !done.has(message.offset) && dueAt(message, part) <= now
    return countUnsettled(rest) + seen.filter(isDue).length
  }

  async browse(request: BrowseRequest): Promise<readonly StoredRecord[]> {
    const { topic, group, limit } = checkBrowse(request)
    const filled = (await this.#rest('browse', topic, group)).filter(({ from, until }) => from < until)
    if (filled.length === 0 || limit === 0) return []
    const most = limit + Math.max(...filled.map(({ done }) => done.size))
    const read = await readRecords(this.#connection.driver, this.#options, filled, most)
    const unsettled = read.filter(({ range: { done }, message }) => !done.has(message.offset))
    const records = unsettled.map(({ range: { part, partition }, message }) => ({
      id: `${part.prefix}${partition}-${message.offset}`,
      topic,
      key: message.key?.toString(),
      body: message.value ?? NO_BYTES,
      headers: headersOf(message),
      timestamp: message.timestamp,
    }))
    return records.toSorted((a, b) => a.timestamp - b.timestamp).slice(0, limit)
  }

  /** @throws ConsumeError while the group has consumers: they alone may settle */
  async remove(topic: string, ids: readonly string[], group?: string): Promise<number> {
    if (group === undefined)
      throw unsupported(`cannot remove from topic ${topic}: Kafka keeps what groups have settled. Name one`)
    const rest = await this.#rest('remove from', topic, group)
    const { positions, count } = settleSome(rest, ({ part, partition }) => {
      const prefix = `${part.prefix}${partition}-`
      return ids.filter((id) => id.startsWith(prefix)).map((id) => Number(id.slice(prefix.length)))
    })
    if (positions.length > 0) await this.#commit(topic, group, positions)
    return count
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
      else await this.#commit(topic, group, ends)
    }
    return countUnsettled(rest)
  }

  #commit(topic: string, group: string, positions: readonly Position[]): Promise<void> {
    const link = this.#connection.require(`move group ${group}`)
    return commitFor(this.#connection.driver, link, this.#options.groupId(group, topic), positions)
  }

  /** @param now leaves out what may have to wait beyond it */
  async #rest(what: string, topic: string, group: string | undefined, now?: number): Promise<readonly Rest[]> {
    const link = this.#connection.require(`${what} topic ${topic}`)
    const all = partsOf(topic, group)
    const leaders = await Promise.all(all.map(({ name }) => link.leaders(name)))
    const parts = all.filter((_, index) => leaders[index] !== undefined)
    const groupId = group === undefined || parts.length === 0 ? undefined : this.#options.groupId(group, topic)
    const names = parts.map(({ name }) => name)
    const committed = groupId === undefined ? [] : await link.committed(groupId, names)
    const rests = parts.map(async (part): Promise<readonly Rest[]> => {
      const { name, tier, isOwn } = part
      const ranges = await link.ranges(name)
      const ends = tier === undefined || now === undefined ? [] : await link.offsetsAt(name, now - tier.maxMs)
      return ranges.map(({ partition, low, high }) => {
        const isHere = (each: Position): boolean => each.topic === name && each.partition === partition
        // A group that has not begun has nothing but what was published for it alone.
        const position = committed.find(isHere) ?? { offset: isOwn || group === undefined ? low : high }
        return { part, high, ...unsettledOf({ topic: name, partition }, position, low, ends.find(isHere)?.offset ?? high) }
      })
    })
    return (await Promise.all(rests)).flat()
  }
}
