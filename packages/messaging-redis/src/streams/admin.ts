import type { BrokerAdmin, BrowseRequest, StoredRecord } from '@comm/messaging'
import { type RedisConnection, type RedisLink, redisError } from '@comm/redis-stores/connection'
import { decodeEntry, type RawEntry } from './entry.ts'
import { idSuffix, type TopicKeys, topicKeys } from './keys.ts'
import { BROWSE, LAG, PURGE, REMOVE } from './scripts/administer.ts'
import { ACK_OWN } from './scripts/consume.ts'

const BROWSE_LIMIT = 100
const RECORD_ID = /^(\d{1,20}-\d{1,20})(?:@(.+))?$/

/**
 * Without a group, all methods mean the stream that every group reads. What is delayed counts for `purge`, and for `lag` once it is due, but is
 * not shown: it has no id yet.
 */
export class StreamsAdmin implements Required<BrokerAdmin> {
  readonly #connection: RedisConnection
  readonly #keyPrefix: string

  constructor(connection: RedisConnection, keyPrefix: string) {
    this.#connection = connection
    this.#keyPrefix = keyPrefix
  }

  lag(topic: string, group: string): Promise<number> {
    return this.#ask(`count the lag of ${topic}`, topic, async (link, keys) =>
      Number(await LAG.run(link, [keys.stream, keys.delayed, keys.only(group), keys.delayedOnly(group)], [group])),
    )
  }

  browse({ topic, group, limit = BROWSE_LIMIT }: BrowseRequest): Promise<readonly StoredRecord[]> {
    return this.#ask(`browse ${topic}`, topic, async (link, { stream, only }) => {
      if (limit < 1) return []
      const count = String(limit)
      const lists =
        group === undefined
          ? [await link.send(stream, ['XRANGE', stream, '-', '+', 'COUNT', count], 'bytes')]
          : await BROWSE.run(link, [stream, only(group)], [group, count], 'bytes')
      const [shared = [], own = []] = lists as readonly (readonly RawEntry[])[]
      const records = [...shared.map((entry) => stored(topic, entry)), ...own.map((entry) => stored(topic, entry, group))]
      return records.sort((one, other) => (one.timestamp ?? 0) - (other.timestamp ?? 0)).slice(0, limit)
    })
  }

  remove(topic: string, ids: readonly string[], group?: string): Promise<number> {
    return this.#ask(`remove records of ${topic}`, topic, async (link, { stream, only }) => {
      const shared: string[] = []
      const own: string[] = []
      for (const id of ids) {
        const [, entryId, owner] = RECORD_ID.exec(id) ?? []
        if (entryId !== undefined && owner === undefined) shared.push(entryId)
        else if (entryId !== undefined && owner === group) own.push(entryId)
      }
      let removed = 0
      if (shared.length > 0 && group === undefined) removed += Number(await link.send(stream, ['XDEL', stream, ...shared]))
      if (shared.length > 0 && group !== undefined) removed += Number(await REMOVE.run(link, [stream], [group, ...shared]))
      if (own.length > 0 && group !== undefined) removed += Number(await ACK_OWN.run(link, [only(group)], [group, ...own]))
      return removed
    })
  }

  purge(topic: string, group?: string): Promise<number> {
    return this.#ask(`purge ${topic}`, topic, async (link, { stream, delayed, only, delayedOnly }) => {
      if (group !== undefined) return Number(await PURGE.run(link, [stream, only(group), delayedOnly(group)], [group]))
      const waiting = Number(await link.send(delayed, ['ZREMRANGEBYRANK', delayed, '0', '-1']))
      return waiting + Number(await link.send(stream, ['XTRIM', stream, 'MAXLEN', '0']))
    })
  }

  async #ask<Answer>(what: string, topic: string, ask: (link: RedisLink, keys: TopicKeys) => Promise<Answer>): Promise<Answer> {
    const link = this.#connection.require(what)
    try {
      return await ask(link, topicKeys(this.#keyPrefix, topic))
    } catch (thrown) {
      throw redisError(thrown, what)
    }
  }
}

function stored(topic: string, [id, fields]: RawEntry, group?: string): StoredRecord {
  const entryId = String(id)
  return { id: entryId + idSuffix(group), topic, timestamp: Number.parseInt(entryId, 10), ...decodeEntry(fields) }
}
