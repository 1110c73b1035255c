/**
 * All that the adapter asks of a Kafka client library; kafkajs stands behind it in `kafkajs-driver.ts`, and another can take its place.
 * A driver tries once where it is not said otherwise, knows nothing of groups of ours, delays or settling, and throws our typed errors.
 */

export interface TopicPartition {
  /** A topic of Kafka. */
  readonly topic: string
  readonly partition: number
}

export interface PartitionOffset extends TopicPartition {
  readonly offset: number
}

export interface PartitionInfo {
  readonly partition: number
  /** Node id of the broker that takes its records. */
  readonly leader: number
}

export interface PartitionRange {
  readonly partition: number
  /** Of the oldest record that is still there. */
  readonly low: number
  /** Of the record that will be written next. */
  readonly high: number
}

export interface NewTopic {
  readonly topic: string
  readonly config: Readonly<Record<string, string>>
}

export interface OutgoingMessage {
  readonly partition: number
  readonly key: Buffer | null
  readonly value: Buffer
  readonly headers: Record<string, string | Buffer>
}

export interface OutgoingBatch {
  readonly topic: string
  /** In their order in each partition. */
  readonly messages: OutgoingMessage[]
}

type IncomingHeader = Buffer | string

export interface IncomingMessage {
  readonly offset: string
  /** Epoch milliseconds. */
  readonly timestamp: string
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers?: Readonly<Record<string, IncomingHeader | IncomingHeader[] | undefined>>
}

/** One connection for publishing and administering. When it breaks it is thrown away, and another is opened. */
export interface KafkaLink {
  /**
   * One request. Without an error every record is stored as `acks` says.
   * @throws PublishError, `stored` telling what is known of all of them
   */
  produce(batches: readonly OutgoingBatch[], acks: -1 | 0 | 1): Promise<void>
  /** Undefined when there is no such topic. */
  partitions(topic: string): Promise<readonly PartitionInfo[] | undefined>
  /** Those that exist already are left as they are. */
  createTopics(topics: readonly NewTopic[]): Promise<void>
  ranges(topic: string): Promise<readonly PartitionRange[]>
  /** For each partition the offset of the first record at or after the time, else of the one that will be written next. */
  offsetsAt(topic: string, timestamp: number): Promise<readonly PartitionOffset[]>
  /** What the group has committed; partitions without a commit are left out. */
  committed(groupId: string, topics: readonly string[]): Promise<readonly PartitionOffset[]>
  /** Commits for a group that has no members. @throws ConsumeError when it has */
  setCommitted(groupId: string, topic: string, offsets: readonly PartitionOffset[]): Promise<void>
  /** Deletes everything that is in the partitions below the offsets. */
  deleteRecords(topic: string, offsets: readonly PartitionOffset[]): Promise<void>
  /** Resolves when a broker answers. */
  probe(): Promise<void>
  /** Cuts every connection; what waits for an answer fails. Idempotent. */
  destroy(reason: Error): void
  /** Idempotent. */
  close(): Promise<void>
}

export interface ConsumerRequest {
  readonly groupId: string
  readonly topics: readonly string[]
}

/** Called synchronously, in the order of what happens. */
export interface ConsumerEvents {
  /** These partitions are ours now, and none besides. A `seek` from inside the call decides where each is read. */
  joined(assignment: readonly TopicPartition[]): void
  /** The group is about to rejoin. A `commit` from inside the call is still accepted. */
  rebalancing(): void
  /** The group has heard of us. */
  alive(): void
  batch(source: TopicPartition, messages: readonly IncomingMessage[], next: number): void
  /** It has stopped for good. */
  failed(reason: Error): void
}

/** A member of a group of Kafka. Lost connections it makes again by itself. A partition without a commit is read from its beginning. */
export interface KafkaMember {
  /** Resolves once it is told to begin; `joined` or `failed` follow. */
  start(): Promise<void>
  seek(position: PartitionOffset): void
  pause(source: TopicPartition): void
  resume(source: TopicPartition): void
  commit(offsets: readonly PartitionOffset[]): Promise<void>
  /** Leaves the group. */
  stop(): Promise<void>
  /** Cuts every connection: `stop` then ends soon, though no broker answers. */
  destroy(reason: Error): void
}

export interface KafkaDriver {
  /**
   * Tries each broker once.
   * @param onBroken called once when the link is of no use any more; not after `close` or `destroy`
   * @throws AuthenticationError, ConnectionError, the signal's reason
   */
  open(onBroken: (reason: Error) => void, signal: AbortSignal): Promise<KafkaLink>
  member(request: ConsumerRequest, events: ConsumerEvents): KafkaMember
}
