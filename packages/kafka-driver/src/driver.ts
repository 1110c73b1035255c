/**
 * All that the adapter asks of a Kafka client library; kafkajs stands behind it in `kafkajs-driver.ts`, and another can take its place.
 * A driver knows nothing of groups of ours, delays or settling. What it throws are our typed errors.
 */
import type { CommunicationError } from '@comm/core'

export interface TopicPartition {
  /** A topic of Kafka. */
  readonly topic: string
  readonly partition: number
}

export interface Position extends TopicPartition {
  readonly offset: number
  /** A text that Kafka keeps beside it where it is committed. */
  readonly note?: string
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
  /** @default the broker's `num.partitions` */
  readonly partitions?: number | undefined
  /** @default the broker's `default.replication.factor` */
  readonly replicationFactor?: number | undefined
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

/** What became of all the records of a request. */
export interface ProduceFailure {
  readonly stored: 'no' | 'unknown'
  /** A record of it is at fault, so that others would be taken without it. */
  readonly isOfRecord: boolean
  readonly error: CommunicationError
}

export interface IncomingMessage {
  readonly offset: number
  /** Epoch milliseconds. */
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  /** Text where it is UTF-8, which Kafka does not tell from bytes; of several of one name the last. */
  readonly headers: Readonly<Record<string, string | Buffer>>
}

/** What was fetched of one partition. It may have been fetched before the last `seek`. */
export interface IncomingBatch {
  readonly source: TopicPartition
  readonly messages: readonly IncomingMessage[]
  /** The offset that was asked for … */
  readonly from: number
  /** … and the one to ask for next. */
  readonly next: number
  /** Of the record that was to be written next when it was fetched. */
  readonly high: number
}

export interface ReadRange extends TopicPartition {
  readonly from: number
  /** Not included. */
  readonly until: number
}

/** A record that was looked at, and where. */
export interface Peeked<Range> {
  readonly range: Range
  readonly message: IncomingMessage
}

/** What publishes and administers. When it breaks it is thrown away, and another is opened. */
export interface KafkaLink {
  /**
   * One request, resent only where that cannot store a record twice. What failed without being stored may be sent again in other
   * requests: then too, nothing is stored twice while the producer is idempotent and each partition gets the same records.
   * @returns undefined when every record is stored as `acks` says
   */
  produce(batches: readonly OutgoingBatch[], acks: number): Promise<ProduceFailure | undefined>
  /** The leader of each partition, by partition. Undefined when there is no such topic. */
  leaders(topic: string): Promise<readonly number[] | undefined>
  /** Those that exist already are left as they are. */
  createTopics(topics: readonly NewTopic[]): Promise<void>
  /** Those that are not there are no error. */
  deleteTopics(topics: readonly string[]): Promise<void>
  ranges(topic: string): Promise<readonly PartitionRange[]>
  /** For each partition the offset of the first record at or after the time, else of the one that will be written next. */
  offsetsAt(topic: string, timestamp: number): Promise<readonly Position[]>
  /** What lies at the beginning of these ranges, up to some 256 KiB of each: a look, by which nobody joins a group. @throws CommunicationError */
  peek<Range extends ReadRange>(ranges: readonly Range[]): Promise<readonly Peeked<Range>[]>
  /** What the group has committed; partitions without a commit are left out. */
  committed(groupId: string, topics: readonly string[]): Promise<readonly Position[]>
  /** Whether somebody consumes for the group now. */
  hasMembers(groupId: string): Promise<boolean>
  /** Deletes everything that is in the partitions below the offsets. */
  deleteRecords(topic: string, offsets: readonly Position[]): Promise<void>
  /** Resolves when a broker answers. */
  probe(): Promise<void>
  /** Never waits longer than the limit of a request. Idempotent. */
  close(): Promise<void>
}

/** What a member has when it joins its group again. */
export interface Claims {
  readonly owned: readonly TopicPartition[]
  /** Of which records are being handled: these stay with it. */
  readonly busy: readonly TopicPartition[]
  /** It will leave: it wants nothing beyond these. */
  readonly isLeaving: boolean
}

/** Called synchronously, in the order of what happens. */
export interface MemberEvents {
  /** It is about to join. */
  claims(): Claims
  /** These partitions are ours now, and none besides. A `seek` from inside the call decides where each is read. */
  joined(memberId: string, assignment: readonly TopicPartition[]): void
  /** The group is about to rejoin. A `commit` from inside the call is still accepted. */
  rebalancing(): void
  /** The group has heard of us. */
  alive(): void
  /** @returns while it has not resolved nothing more is fetched, of no partition: it must be soon */
  batch(batch: IncomingBatch): Promise<unknown> | undefined
  /** It has stopped for good. */
  failed(reason: CommunicationError): void
}

/** A member of a group of Kafka. Lost connections it makes again by itself. A partition without a commit is read from its beginning. */
export interface KafkaMember {
  /** `joined` or `failed` follow, perhaps before it resolves. @throws CommunicationError */
  start(): Promise<void>
  seek(position: Position): void
  pause(source: TopicPartition): void
  resume(source: TopicPartition): void
  commit(positions: readonly Position[]): Promise<void>
  /** Leaves the group, and cuts what is left of its connections. No event comes afterwards. Idempotent. */
  stop(): Promise<void>
}

export interface KafkaDriver {
  /**
   * Tries each broker once.
   * @param onBroken called once when the link is of no use any more; not after `close`
   * @throws AuthenticationError, ConnectionError, ConfigurationError
   */
  open(onBroken: (reason: CommunicationError) => void, signal: AbortSignal): Promise<KafkaLink>
  member(groupId: string, topics: readonly string[], events: MemberEvents): Promise<KafkaMember>
}
