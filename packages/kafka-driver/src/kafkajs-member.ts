import { ConnectionError, withinLimit } from '@comm/core'
import kafkajs, { type Consumer, type Kafka, type RetryOptions } from 'kafkajs'
import type { KafkaMember, MemberEvents, Position, TopicPartition } from './driver.ts'
import { Joining } from './joining.ts'
import { fromKafka, isPassing } from './kafkajs-errors.ts'
import { type FetchedBatch, incoming, readFetches } from './kafkajs-fetch.ts'
import type { ResolvedConnection } from './options.ts'
import type { Sockets } from './sockets.ts'
import { stickyAssigner } from './sticky-assigner.ts'

const STOP_LIMIT_MS = 3000

export interface MemberParts {
  readonly groupId: string
  readonly topics: readonly string[]
  readonly retry: RetryOptions
  readonly events: MemberEvents
}

export class KafkaJsMember implements KafkaMember {
  readonly #consumer: Consumer
  readonly #sockets: Sockets
  readonly #parts: MemberParts
  readonly #options: ResolvedConnection
  readonly #joining = new Joining()
  #stopping: Promise<void> | undefined

  constructor(kafka: Kafka, sockets: Sockets, parts: MemberParts, options: ResolvedConnection) {
    this.#sockets = sockets
    this.#parts = parts
    this.#options = options
    const { groupId, retry } = parts
    const { fetchMinBytes, fetchMaxBytes, fetchMaxPartitionBytes, fetchMaxWaitMs, sessionTimeoutMs, heartbeatIntervalMs } =
      options.consumerConfig
    this.#consumer = kafka.consumer({
      groupId,
      // A group that has members of other makes agrees on what they know too.
      partitionAssigners: [
        (given) => {
          // Nothing else of a consumer is told its cluster.
          readFetches(given.cluster)
          this.#joining.watch(given.cluster)
          return stickyAssigner(() => parts.events.claims())(given)
        },
        kafkajs.PartitionAssigners.roundRobin,
      ],
      // A group that was just made is not ready; later, whoever lost its place begins anew.
      retry: {
        ...retry,
        restartOnFailure: async (error) => !this.#joining.hasJoined && this.#stopping === undefined && isPassing(error),
      },
      allowAutoTopicCreation: false,
      sessionTimeout: sessionTimeoutMs,
      heartbeatInterval: heartbeatIntervalMs,
      minBytes: fetchMinBytes,
      maxBytes: fetchMaxBytes,
      maxBytesPerPartition: fetchMaxPartitionBytes,
      maxWaitTimeInMs: fetchMaxWaitMs,
    })
  }

  async start(): Promise<void> {
    const consumer = this.#consumer
    const { events, topics } = this.#parts
    const { GROUP_JOIN, REBALANCING, HEARTBEAT, CRASH } = consumer.events
    const unlessStopped =
      <Event>(tell: (event: Event) => void) =>
      (event: Event): void => {
        if (this.#stopping === undefined) tell(event)
      }
    consumer.on(
      REBALANCING,
      unlessStopped(() => events.rebalancing()),
    )
    consumer.on(
      HEARTBEAT,
      unlessStopped(() => events.alive()),
    )
    consumer.on(
      GROUP_JOIN,
      unlessStopped(({ payload: { memberId, memberAssignment } }) => {
        const assigned = Object.entries(memberAssignment).flatMap(([topic, partitions]) =>
          (partitions as unknown as readonly number[]).map((partition) => ({ topic, partition })),
        )
        this.#joining.finished()
        events.joined(memberId, assigned)
      }),
    )
    consumer.on(
      CRASH,
      unlessStopped(({ payload: { error, restart } }) => {
        if (!restart) events.failed(fromKafka('consume', error))
      }),
    )
    try {
      await consumer.connect()
      await consumer.subscribe({ topics: [...topics], fromBeginning: true })
      if (this.#stopping !== undefined) return
      await consumer.run({
        autoCommit: false,
        eachBatch: async ({ batch }) => {
          if (this.#stopping === undefined) await events.batch(incoming(batch as FetchedBatch))
        },
      })
    } catch (thrown) {
      throw fromKafka(`consume ${topics[0]}`, thrown)
    }
  }

  seek({ topic, partition, offset }: Position): void {
    this.#consumer.seek({ topic, partition, offset: String(offset) })
  }

  pause({ topic, partition }: TopicPartition): void {
    this.#consumer.pause([{ topic, partitions: [partition] }])
  }

  resume({ topic, partition }: TopicPartition): void {
    this.#consumer.resume([{ topic, partitions: [partition] }])
  }

  async commit(positions: readonly Position[]): Promise<void> {
    try {
      await this.#consumer.commitOffsets(
        positions.map(({ topic, partition, offset, note = '' }) => ({
          topic,
          partition,
          offset: String(offset),
          metadata: note,
        })),
      )
    } catch (thrown) {
      throw fromKafka('commit', thrown)
    }
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    const left = this.#consumer.disconnect().catch(() => undefined)
    await withinLimit(this.#options.clock, STOP_LIMIT_MS, left)
    this.#sockets.cut(new ConnectionError('the consumer was stopped'))
  }
}
