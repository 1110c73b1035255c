import type { Kafka, KafkaMessage } from 'kafkajs'
import type { Peeked, ReadRange } from './driver.ts'
import { type MadeCluster, meetClusters } from './kafkajs-clusters.ts'
import { kafkaErrorType } from './kafkajs-errors.ts'
import { messagesOf, NO_REPLICA, readFetches } from './kafkajs-fetch.ts'

/** Of a partition, in one look. */
const LOOK_BYTES = 256 * 1024
const READ_COMMITTED = 1
/** Deleted meanwhile, or not for us to read: there is nothing to see. */
const UNSEEN: readonly unknown[] = ['OFFSET_OUT_OF_RANGE', 'TOPIC_AUTHORIZATION_FAILED']

interface Fetched {
  readonly responses: readonly {
    readonly topicName: string
    readonly partitions: readonly { readonly partition: number; readonly messages: KafkaMessage[] }[]
  }[]
}

/** Fetches as a consumer does, but for no group. */
export class Peeker {
  #cluster: MadeCluster | undefined

  /** @param kafka the cluster that it made last is asked */
  constructor(kafka: Kafka) {
    meetClusters(kafka, (cluster) => {
      readFetches(cluster)
      this.#cluster = cluster
    })
  }

  /** @param leader of all the ranges @throws what kafkajs throws */
  async peek<Range extends ReadRange>(leader: number, ranges: readonly Range[]): Promise<readonly Peeked<Range>[]> {
    const broker = await this.#cluster?.findBroker({ nodeId: String(leader) })
    const topics = ranges.map(({ topic, partition, from }) => ({
      topic,
      partitions: [{ partition, fetchOffset: String(from), maxBytes: LOOK_BYTES }],
    }))
    const limits = { maxWaitTime: 0, minBytes: 0, maxBytes: LOOK_BYTES * ranges.length }
    const request = { replicaId: NO_REPLICA, isolationLevel: READ_COMMITTED, ...limits, topics }
    const fetched: Fetched | undefined = await broker?.fetch(request).catch((thrown: unknown) => {
      if (!UNSEEN.includes(kafkaErrorType(thrown))) throw thrown
    })
    return (fetched?.responses ?? []).flatMap(({ topicName, partitions }) =>
      partitions.flatMap(({ partition, messages }) => {
        const range = ranges.find((each) => each.topic === topicName && each.partition === partition)
        if (range === undefined) return []
        const found = messagesOf(messages, range.from).filter(({ offset }) => offset < range.until)
        return found.map((message) => ({ range, message }))
      }),
    )
  }
}
