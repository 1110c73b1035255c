import type { KafkaLink, Position, TopicPartition } from '@comm/kafka-driver'
import type { SubscribeRequest } from '@comm/messaging'

export type Start = NonNullable<SubscribeRequest['from']>

export interface StartPosition extends Position {
  readonly isCommitted: boolean
}

/**
 * Where a group goes on in these partitions, or begins.
 * @param groupId undefined: of a group that commits nothing
 * @param begins where a group begins that has committed nothing in a topic
 * @throws CommunicationError
 */
export async function startPositions(
  link: KafkaLink,
  groupId: string | undefined,
  sources: readonly TopicPartition[],
  begins: (topic: string) => Start,
): Promise<readonly StartPosition[]> {
  const topics = [...new Set(sources.map(({ topic }) => topic))]
  const committed = groupId === undefined ? [] : await link.committed(groupId, topics)
  const positions = topics.map(async (topic): Promise<readonly StartPosition[]> => {
    const known = committed.filter((each) => each.topic === topic)
    const found = (partition: number): Position | undefined => known.find((each) => each.partition === partition)
    const mine = sources.filter((source) => source.topic === topic)
    // Partitions that were added to a topic which the group has begun with are new from their first record on.
    const start = known.length > 0 ? 'earliest' : begins(topic)
    const starts = mine.every(({ partition }) => found(partition)) ? [] : await positionsOf(link, topic, start)
    return mine.map((source) => {
      const position = found(source.partition)
      const begin = starts.find(({ partition }) => partition === source.partition)
      return { ...source, offset: 0, ...begin, ...position, isCommitted: position !== undefined }
    })
  })
  return (await Promise.all(positions)).flat()
}

async function positionsOf(link: KafkaLink, topic: string, start: Start): Promise<readonly Position[]> {
  // What is at 0 no longer, Kafka begins with the first that is there.
  if (start === 'earliest') return []
  if (start !== 'new') return link.offsetsAt(topic, start.timestamp)
  return (await link.ranges(topic)).map(({ partition, high }) => ({ topic, partition, offset: high }))
}
