import { type CommunicationError, ConnectionError, pause, withinLimit } from '@comm/core'
import type { Admin, ITopicMetadata, Kafka, Producer } from 'kafkajs'
import { COMPRESSION } from './codecs.ts'
import type {
  KafkaLink,
  NewTopic,
  OutgoingBatch,
  OutgoingMessage,
  PartitionRange,
  Peeked,
  Position,
  ProduceFailure,
  ReadRange,
} from './driver.ts'
import { fromKafka, isPassing, kafkaErrorType, produceFailure } from './kafkajs-errors.ts'
import { Peeker } from './kafkajs-peek.ts'
import type { ResolvedConnection } from './options.ts'
import { SharedClient } from './shared-client.ts'
import type { Sockets } from './sockets.ts'

const CLOSE_LIMIT_MS = 2000
const CHECK_LIMIT_MS = 2000
const CREATE_LIMIT_MS = 10_000
const LOOK_AGAIN_MS = 50
const PASSING_LIMIT_MS = 10_000
/** As many as the broker says. */
const BROKERS = -1
/** Nobody makes such a topic: what is asked is whether a broker answers. */
const PROBED_TOPIC = 'comm.probe'
const UNKNOWN_TOPIC = 'UNKNOWN_TOPIC_OR_PARTITION'

export class KafkaJsLink implements KafkaLink {
  readonly #producer: SharedClient<Producer>
  readonly #admin: SharedClient<Admin>
  readonly #peeker: Peeker
  readonly #sockets: Sockets
  readonly #options: ResolvedConnection
  readonly #onBroken: (reason: CommunicationError) => void
  #isChecking = false
  #isOver = false

  /** @param patient waits for the coordinators of groups, which Kafka makes when they are first asked for */
  constructor(
    kafka: Kafka,
    patient: Kafka,
    sockets: Sockets,
    options: ResolvedConnection,
    onBroken: (reason: CommunicationError) => void,
  ) {
    this.#sockets = sockets
    this.#options = options
    this.#onBroken = onBroken
    this.#peeker = new Peeker(patient)
    this.#admin = new SharedClient(() => patient.admin())
    this.#producer = new SharedClient(() =>
      kafka.producer({
        idempotent: options.isIdempotent,
        allowAutoTopicCreation: false,
        createPartitioner: () => partitionGiven,
        // Resends under the same number, so that Kafka recognises what it has.
        retry: { retries: options.isIdempotent ? 1 : 0 },
      }),
    )
  }

  async connect(): Promise<void> {
    await this.#producer.use(async () => undefined, never)
  }

  async produce(batches: readonly OutgoingBatch[], acks: number): Promise<ProduceFailure | undefined> {
    const { compressionType, requestTimeoutMs: timeout } = this.#options.producerConfig
    const topicMessages = [...batches]
    const compression = COMPRESSION[compressionType]
    try {
      await this.#producer.use(
        (producer) => producer.sendBatch({ topicMessages, acks, timeout, compression }),
        // kafkajs gives the numbers of what failed to what comes next, which Kafka would take for the same records: begin with new ones.
        (thrown) => produceFailure(thrown).stored === 'unknown',
      )
      return undefined
    } catch (thrown) {
      const failure = produceFailure(thrown)
      if (failure.stored === 'unknown') void this.check()
      return failure
    }
  }

  async leaders(topic: string): Promise<readonly number[] | undefined> {
    const found = await this.#do(`look up topic ${topic}`, (admin) => lookUp(admin, [topic]))
    const partitions = found?.find(({ name }) => name === topic)?.partitions
    return partitions?.toSorted((a, b) => a.partitionId - b.partitionId).map(({ leader }) => leader)
  }

  async createTopics(topics: readonly NewTopic[]): Promise<void> {
    const made = topics.map(({ topic, partitions: numPartitions = BROKERS, replicationFactor = BROKERS, config }) => ({
      topic,
      numPartitions,
      replicationFactor,
      configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
    }))
    const names = topics.map(({ topic }) => topic)
    await this.#do(`create the topics ${names.join(', ')}`, async (admin) => {
      // kafkajs would take brokers that have not heard of them yet for an error.
      await admin.createTopics({ topics: made, timeout: CREATE_LIMIT_MS, waitForLeaders: false })
      for (let tries = CREATE_LIMIT_MS / LOOK_AGAIN_MS; !(await areThere(admin, names)) && tries > 0; tries--)
        await pause(this.#options.clock, LOOK_AGAIN_MS)
    })
    // A broker that is known to lead them may not know it yet, and a consumer that comes too early joins its group again and again.
    await Promise.all(names.map((name) => this.ranges(name)))
  }

  async deleteTopics(topics: readonly string[]): Promise<void> {
    try {
      await this.#ask((admin) => admin.deleteTopics({ topics: [...topics] }))
    } catch (thrown) {
      if (kafkaErrorType(thrown) !== UNKNOWN_TOPIC) throw fromKafka(`delete the topics ${topics.join(', ')}`, thrown)
    }
  }

  async ranges(topic: string): Promise<readonly PartitionRange[]> {
    const found = await this.#do(`look at topic ${topic}`, (admin) => admin.fetchTopicOffsets(topic))
    return found.map(({ partition, low, high }) => ({ partition, low: Number(low), high: Number(high) }))
  }

  async offsetsAt(topic: string, timestamp: number): Promise<readonly Position[]> {
    const found = await this.#do(`look at topic ${topic}`, (admin) => admin.fetchTopicOffsetsByTimestamp(topic, timestamp))
    return found.map(({ partition, offset }) => ({ topic, partition, offset: Number(offset) }))
  }

  async peek<Range extends ReadRange>(ranges: readonly Range[]): Promise<readonly Peeked<Range>[]> {
    const topics = [...new Set(ranges.map(({ topic }) => topic))]
    const leaders = new Map(await Promise.all(topics.map(async (topic) => [topic, await this.leaders(topic)] as const)))
    const shares = Map.groupBy(ranges, ({ topic, partition }) => leaders.get(topic)?.[partition])
    const looks = [...shares].map(([leader, share]) =>
      leader === undefined ? [] : this.#do(`look into ${topics.join(', ')}`, () => this.#peeker.peek(leader, share)),
    )
    return (await Promise.all(looks)).flat()
  }

  async committed(groupId: string, topics: readonly string[]): Promise<readonly Position[]> {
    const found = await this.#do(`look at group ${groupId}`, (admin) => admin.fetchOffsets({ groupId, topics: [...topics] }))
    const all = found.flatMap(({ topic, partitions }) =>
      partitions.map(({ partition, offset, metadata }) => ({ topic, partition, offset: Number(offset), note: metadata ?? '' })),
    )
    return all.filter(({ offset }) => offset >= 0)
  }

  async hasMembers(groupId: string): Promise<boolean> {
    const { groups } = await this.#do(`look at group ${groupId}`, (admin) => admin.describeGroups([groupId]))
    return groups.some(({ members }) => members.length > 0)
  }

  async deleteRecords(topic: string, offsets: readonly Position[]): Promise<void> {
    const partitions = offsets.map(({ partition, offset }) => ({ partition, offset: String(offset) }))
    await this.#do(`purge topic ${topic}`, (admin) => admin.deleteTopicRecords({ topic, partitions }))
  }

  async probe(): Promise<void> {
    await this.#do('ask Kafka for a sign of life', async (admin) => {
      try {
        await admin.fetchTopicMetadata({ topics: [PROBED_TOPIC] })
      } catch (thrown) {
        // Any error of Kafka is an answer.
        if (kafkaErrorType(thrown) === undefined) throw thrown
      }
    })
  }

  /** A connection closed, or a request failed: is there another way? */
  async check(): Promise<void> {
    if (this.#isChecking || this.#isOver) return
    this.#isChecking = true
    const { clock } = this.#options
    const answered = this.probe().then(
      (): true => true,
      (error: CommunicationError) => error,
    )
    const answer = await withinLimit(clock, CHECK_LIMIT_MS, answered)
    this.#isChecking = false
    if (answer === true || this.#isOver) return
    const reason = answer ?? new ConnectionError(`Kafka does not answer within ${CHECK_LIMIT_MS} ms`)
    this.#end(reason)
    this.#onBroken(reason)
  }

  async close(): Promise<void> {
    const leaving = Promise.all([this.#producer.close(), this.#admin.close()])
    if (!this.#isOver) await withinLimit(this.#options.clock, CLOSE_LIMIT_MS, leaving)
    this.#end(new ConnectionError('the connection to Kafka was closed'))
  }

  #end(reason: Error): void {
    this.#isOver = true
    this.#sockets.cut(reason)
    void this.#producer.close()
    void this.#admin.close()
  }

  /** Tries again what Kafka cannot answer yet: a topic or a group that was just made has no leader everywhere. */
  async #do<Result>(what: string, use: (admin: Admin) => Promise<Result>): Promise<Result> {
    for (let tries = PASSING_LIMIT_MS / LOOK_AGAIN_MS; ; tries--) {
      try {
        return await this.#ask(use)
      } catch (thrown) {
        if (kafkaErrorType(thrown) === undefined) void this.check()
        if (!isPassing(thrown) || tries <= 0 || this.#isOver) throw fromKafka(what, thrown)
        await pause(this.#options.clock, LOOK_AGAIN_MS)
      }
    }
  }

  /** An admin of kafkajs that met a topic which is not there any more fails for ever. */
  #ask<Result>(use: (admin: Admin) => Promise<Result>): Promise<Result> {
    return this.#admin.use(use, (thrown) => !isPassing(thrown) || kafkaErrorType(thrown) === UNKNOWN_TOPIC)
  }
}

/** @returns undefined when one of them is not there */
async function lookUp(admin: Admin, topics: string[]): Promise<readonly ITopicMetadata[] | undefined> {
  try {
    return (await admin.fetchTopicMetadata({ topics })).topics
  } catch (thrown) {
    // What was there a moment ago, and is not now, kafkajs answers with nothing, over which it stumbles.
    if (kafkaErrorType(thrown) === UNKNOWN_TOPIC || thrown instanceof TypeError) return undefined
    throw thrown
  }
}

async function areThere(admin: Admin, topics: string[]): Promise<boolean> {
  const found = await lookUp(admin, topics)
  return found?.every(({ partitions }) => partitions.length > 0 && partitions.every(({ leader }) => leader >= 0)) ?? false
}

function partitionGiven({ message }: { readonly message: unknown }): number {
  return (message as OutgoingMessage).partition
}

function never(): boolean {
  return false
}
