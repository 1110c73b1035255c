import { randomUUID } from 'node:crypto'
import { withinLimit } from '@comm/core'
import type { KafkaDriver, KafkaMember, Peeked, ReadRange, TopicPartition } from './driver.ts'
import type { ResolvedConnection } from './options.ts'

const LIMIT_MS = 10_000

/**
 * Reads what is there, as a member of a group that nobody else knows, and commits nothing.
 * @param limit for each partition
 * @throws CommunicationError
 */
export async function readRecords<Range extends ReadRange>(
  driver: KafkaDriver,
  { clientId, clock }: Pick<ResolvedConnection, 'clientId' | 'clock'>,
  ranges: readonly Range[],
  limit: number,
): Promise<readonly Peeked<Range>[]> {
  const records: Peeked<Range>[] = []
  const unread = new Map(ranges.map((range) => [nameOf(range), { range, left: limit }]))
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const topics = [...new Set(ranges.map(({ topic }) => topic))]
  const member: KafkaMember = await driver.member(`${clientId}-read-${randomUUID()}`, topics, {
    joined: (_, assignment) => {
      for (const source of assignment) {
        const wanted = unread.get(nameOf(source))
        if (wanted === undefined) member.pause(source)
        else member.seek({ ...source, offset: wanted.range.from })
      }
    },
    batch: ({ source, messages, next }) => {
      const wanted = unread.get(nameOf(source))
      if (wanted === undefined) return undefined
      const { range } = wanted
      for (const message of messages) {
        const { offset } = message
        if (offset >= range.from && offset < range.until && wanted.left-- > 0) records.push({ range, message })
      }
      if (wanted.left <= 0 || next >= range.until) unread.delete(nameOf(source))
      if (unread.size === 0) resolve()
      return undefined
    },
    failed: reject,
    claims: () => ({ owned: [], busy: [], isLeaving: false }),
    rebalancing: () => undefined,
    alive: () => undefined,
  })
  try {
    // What is there may end in marks of transactions, which nobody gets to see.
    await withinLimit(clock, LIMIT_MS, Promise.all([member.start(), promise]))
  } finally {
    await member.stop()
  }
  return records
}

function nameOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`
}
