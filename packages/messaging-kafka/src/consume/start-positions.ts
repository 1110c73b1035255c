import type { SubscribeRequest } from '@comm/messaging'
import type { KafkaLink, Position, TopicPartition } from '../driver/driver.ts'
import type { Part } from '../topic-names.ts'

export interface StartRequest {
  readonly groupId: string
  readonly parts: readonly Part[]
  readonly from: NonNullable<SubscribeRequest['from']>
  /** Nothing is committed for it, and nothing will be. */
  readonly isEphemeral: boolean
}

export interface StartPosition extends Position {
  readonly isCommitted: boolean
}

/** Where a group goes on in these partitions, or begins. @throws CommunicationError */
export async function startPositions(
  link: KafkaLink,
  { groupId, parts, from, isEphemeral }: StartRequest,
  sources: readonly TopicPartition[],
): Promise<readonly StartPosition[]> {
  const topics = [...new Set(sources.map(({ topic }) => topic))]
  const committed = isEphemeral ? [] : await link.committed(groupId, topics)
  const known = new Map(committed.map((each) => [`${each.topic}/${each.partition}`, each]))
  const positions = await Promise.all(
    topics.map(async (topic): Promise<readonly StartPosition[]> => {
      const mine = sources.filter((source) => source.topic === topic)
      const isMissing = ({ partition }: TopicPartition): boolean => !known.has(`${topic}/${partition}`)
      const isOwn = parts.some(({ name, isOwn }) => name === topic && isOwn)
      // Partitions that were added to a topic which the group has begun with are new from their first record on.
      const begins = isOwn || committed.some((each) => each.topic === topic) ? 'earliest' : from
      const starts =
        mine.some(isMissing) && begins !== 'earliest' ? await offsetsFrom(link, topic, begins) : new Map<number, number>()
      // What is at 0 no longer, Kafka begins with the first that is there.
      return mine.map((source) => {
        const found = known.get(`${topic}/${source.partition}`)
        return found === undefined
          ? { ...source, offset: starts.get(source.partition) ?? 0, isCommitted: false }
          : { ...found, isCommitted: true }
      })
    }),
  )
  return positions.flat()
}

async function offsetsFrom(
  link: KafkaLink,
  topic: string,
  from: 'new' | { readonly timestamp: number },
): Promise<ReadonlyMap<number, number>> {
  if (typeof from === 'object') {
    const found = await link.offsetsAt(topic, from.timestamp)
    return new Map(found.map(({ partition, offset }) => [partition, offset]))
  }
  const ranges = await link.ranges(topic)
  return new Map(ranges.map(({ partition, high }) => [partition, high]))
}
