import type { BrokerAdmin, BrowseRequest, StoredRecord } from '@comm/messaging'
import { type RedisConnection, type RedisLink, redisError } from '@comm/redis-stores/connection'
import { decodeEntry } from './entry.ts'
import type { RawEntry } from './group-stream.ts'
import { compareEntryIds, entriesOf, recordId, TopicKeys } from './keys.ts'
import { BROWSE, LAG, PURGE, REMOVE } from './scripts/administer.ts'

const BROWSE_LIMIT = 100

/**
 * Without a group, all methods mean the stream that every group reads. What is delayed counts for `lag` and `purge`, but is not shown:
 * it has no id yet.
 */
export class StreamsAdmin implements Required<BrokerAdmin> {
  readonly #connection: RedisConnection
  readonly #keyPrefix: string

  constructor(connection: RedisConnection, keyPrefix: string) {
    this.#connection = connection
    this.#keyPrefix = keyPrefix
  }

  lag(topic: string, group: string): Promise<number> {
    return this.#ask(`count the lag of ${topic}`, async (link) => {
      const keys = this.#keys(topic)
      const all = [keys.stream, keys.delayed, keys.only(group), keys.delayedOnly(group)] as const
      return Number(await LAG.run(link, [...all], [group]))
    })
  }

  browse({ topic, group, limit = BROWSE_LIMIT }: BrowseRequest): Promise<readonly StoredRecord[]> {
    return this.#ask(`browse ${topic}`, async (link) => {
      if (limit < 1) return []
      const keys = this.#keys(topic)
      if (group === undefined) {
        const args = ['XRANGE', keys.stream, '-', '+', 'COUNT', String(limit)]
        return ((await link.send(keys.stream, args, 'bytes')) as readonly RawEntry[]).map((entry) =>
          stored(topic, entry, undefined),
        )
      }
      const args = [group, String(limit)]
      const [shared, own] = (await Promise.all([
        BROWSE.run(link, [keys.stream], args, 'bytes'),
        BROWSE.run(link, [keys.only(group)], args, 'bytes'),
      ])) as readonly [readonly RawEntry[], readonly RawEntry[]]
      const records = [
        ...shared.map((entry) => stored(topic, entry, undefined)),
        ...own.map((entry) => stored(topic, entry, group)),
      ]
      return records.sort((one, other) => compareEntryIds(one.id, other.id)).slice(0, limit)
    })
  }

  remove(topic: string, ids: readonly string[], group?: string): Promise<number> {
    return this.#ask(`remove records of ${topic}`, async (link) => {
      const keys = this.#keys(topic)
      const { shared, own } = entriesOf(ids, group)
      let removed = 0
      if (shared.length > 0) {
        removed +=
          group === undefined
            ? Number(await link.send(keys.stream, ['XDEL', keys.stream, ...shared]))
            : Number(await REMOVE.run(link, [keys.stream], [group, ...shared]))
      }
      if (own.length > 0 && group !== undefined) {
        const key = keys.only(group)
        await link.send(key, ['XACK', key, group, ...own])
        removed += Number(await link.send(key, ['XDEL', key, ...own]))
      }
      return removed
    })
  }

  purge(topic: string, group?: string): Promise<number> {
    return this.#ask(`purge ${topic}`, async (link) => {
      const keys = this.#keys(topic)
      if (group !== undefined) {
        return Number(await PURGE.run(link, [keys.stream, keys.only(group), keys.delayedOnly(group)], [group]))
      }
      const delayed = Number(await link.send(keys.delayed, ['ZREMRANGEBYRANK', keys.delayed, '0', '-1']))
      return delayed + Number(await link.send(keys.stream, ['XTRIM', keys.stream, 'MAXLEN', '0']))
    })
  }

  #keys(topic: string): TopicKeys {
    return new TopicKeys(this.#keyPrefix, topic)
  }

  async #ask<Answer>(what: string, ask: (link: RedisLink) => Promise<Answer>): Promise<Answer> {
    const link = this.#connection.require(what)
    try {
      return await ask(link)
    } catch (thrown) {
      throw redisError(thrown, what)
    }
  }
}

function stored(topic: string, [id, fields]: RawEntry, group: string | undefined): StoredRecord {
  const entryId = String(id)
  return { id: recordId(entryId, group), topic, timestamp: Number.parseInt(entryId, 10), ...decodeEntry(fields) }
}
