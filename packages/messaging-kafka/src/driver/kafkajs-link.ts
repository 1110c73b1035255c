import { type CommunicationError, ConnectionError, ConsumeError } from '@comm/core'
import { withinLimit } from '@comm/messaging/adapter'
import type { Admin, Kafka, Producer } from 'kafkajs'
import type { ResolvedOptions } from '../options.ts'
import { COMPRESSION } from './codecs.ts'
import type { KafkaLink, NewTopic, OutgoingBatch, OutgoingMessage, PartitionRange, Position, ProduceFailure } from './driver.ts'
import { fromKafka, kafkaErrorType, produceFailure } from './kafkajs-errors.ts'
import type { Sockets } from './sockets.ts'

const CLOSE_LIMIT_MS = 2000
const CHECK_LIMIT_MS = 2000
const CREATE_LIMIT_MS = 10_000
/** Nobody makes such a topic: what is asked is whether a broker answers. */
const PROBED_TOPIC = 'comm.probe'
const UNKNOWN_TOPIC = 'UNKNOWN_TOPIC_OR_PARTITION'

export class KafkaJsLink implements KafkaLink {
  readonly #kafka: Kafka
  /** Waits for the coordinators of groups, which Kafka makes when they are first asked for. */
  readonly #patient: Kafka
  readonly #sockets: Sockets
  readonly #options: ResolvedOptions
  readonly #onBroken: (reason: CommunicationError) => void
  #producer: Promise<Producer> | undefined
  #admin: Promise<Admin> | undefined
  #isChecking = false
  #isOver = false

  constructor(
    kafka: Kafka,
    patient: Kafka,
    sockets: Sockets,
    options: ResolvedOptions,
    onBroken: (reason: CommunicationError) => void,
  ) {
    this.#kafka = kafka
    this.#patient = patient
    this.#sockets = sockets
    this.#options = options
    this.#onBroken = onBroken
  }

  async connect(): Promise<void> {
    await this.#producing()
  }

  async produce(batches: readonly OutgoingBatch[], acks: number): Promise<ProduceFailure | undefined> {
    const { compressionType, requestTimeoutMs: timeout } = this.#options.producerConfig
    const producing = this.#producing()
    try {
      const producer = await producing
      await producer.sendBatch({ topicMessages: [...batches], acks, timeout, compression: COMPRESSION[compressionType] })
      return undefined
    } catch (thrown) {
      const failure = produceFailure(thrown)
      // kafkajs gives the numbers of what failed to what comes next, which Kafka would take for the same records: begin with new ones.
      if (failure.stored === 'unknown') {
        if (this.#producer === producing) this.#producer = undefined
        void discard(producing)
        void this.check()
      }
      return failure
    }
  }

  async leaders(topic: string): Promise<readonly number[] | undefined> {
    const found = await this.#do(`look up topic ${topic}`, (admin) =>
      admin.fetchTopicMetadata({ topics: [topic] }).catch((thrown: unknown) => {
        if (kafkaErrorType(thrown) === UNKNOWN_TOPIC) return undefined
        throw thrown
      }),
    )
    const partitions = found?.topics.find(({ name }) => name === topic)?.partitions
    return partitions?.toSorted((a, b) => a.partitionId - b.partitionId).map(({ leader }) => leader)
  }

  async createTopics(topics: readonly NewTopic[]): Promise<void> {
    const { partitions: numPartitions = -1, replicationFactor = -1 } = this.#options
    const made = topics.map(({ topic, config }) => ({
      topic,
      numPartitions,
      replicationFactor,
      configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
    }))
    const names = topics.map(({ topic }) => topic).join(', ')
    await this.#do(`create the topics ${names}`, (admin) => admin.createTopics({ topics: made, timeout: CREATE_LIMIT_MS }))
  }

  async ranges(topic: string): Promise<readonly PartitionRange[]> {
    const found = await this.#do(`look at topic ${topic}`, (admin) => admin.fetchTopicOffsets(topic))
    return found.map(({ partition, low, high }) => ({ partition, low: Number(low), high: Number(high) }))
  }

  async offsetsAt(topic: string, timestamp: number): Promise<readonly Position[]> {
    const found = await this.#do(`look at topic ${topic}`, (admin) => admin.fetchTopicOffsetsByTimestamp(topic, timestamp))
    return found.map(({ partition, offset }) => ({ topic, partition, offset: Number(offset) }))
  }

  async committed(groupId: string, topics: readonly string[]): Promise<readonly Position[]> {
    const found = await this.#do(`look at group ${groupId}`, (admin) => admin.fetchOffsets({ groupId, topics: [...topics] }))
    const all = found.flatMap(({ topic, partitions }) =>
      partitions.map(({ partition, offset }) => ({ topic, partition, offset: Number(offset) })),
    )
    return all.filter(({ offset }) => offset >= 0)
  }

  async setCommitted(groupId: string, topic: string, offsets: readonly Position[]): Promise<void> {
    const partitions = offsets.map(({ partition, offset }) => ({ partition, offset: String(offset) }))
    try {
      await this.#ask((admin) => admin.setOffsets({ groupId, topic, partitions }))
    } catch (thrown) {
      if (!/no running instances/.test(String((thrown as Error).message))) throw fromKafka(`move group ${groupId}`, thrown)
      const text = `cannot move group ${groupId}: it has consumers, which alone may do that. Stop them first`
      throw new ConsumeError(text, { cause: thrown, retryable: false })
    }
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
    await this.#end(reason)
    this.#onBroken(reason)
  }

  async close(): Promise<void> {
    const leaving = Promise.all([discard(this.#producer), discard(this.#admin)])
    if (!this.#isOver) await withinLimit(this.#options.clock, CLOSE_LIMIT_MS, leaving)
    await this.#end(new ConnectionError('the connection to Kafka was closed'))
  }

  async #end(reason: Error): Promise<void> {
    this.#isOver = true
    this.#sockets.cut(reason)
    void discard(this.#producer)
    void discard(this.#admin)
  }

  #producing(): Promise<Producer> {
    this.#producer ??= this.#open(
      this.#kafka.producer({
        idempotent: this.#options.isIdempotent,
        allowAutoTopicCreation: false,
        createPartitioner: () => partitionGiven,
        // Resends under the same number, so that Kafka recognises what it has.
        retry: { retries: this.#options.isIdempotent ? 1 : 0 },
      }),
      () => {
        this.#producer = undefined
      },
    )
    return this.#producer
  }

  async #open<Client extends Admin | Producer>(client: Client, onFailure: () => void): Promise<Client> {
    try {
      await client.connect()
      return client
    } catch (thrown) {
      onFailure()
      void client.disconnect().catch(() => undefined)
      throw thrown
    }
  }

  async #do<Result>(what: string, use: (admin: Admin) => Promise<Result>): Promise<Result> {
    try {
      return await this.#ask(use)
    } catch (thrown) {
      throw fromKafka(what, thrown)
    }
  }

  /** An admin of kafkajs that met a topic which is not there any more fails for ever: after a failure another one is made. */
  async #ask<Result>(use: (admin: Admin) => Promise<Result>): Promise<Result> {
    this.#admin ??= this.#open(this.#patient.admin(), () => {
      this.#admin = undefined
    })
    const asked = this.#admin
    try {
      return await use(await asked)
    } catch (thrown) {
      if (this.#admin === asked) this.#admin = undefined
      void discard(asked)
      throw thrown
    }
  }
}

function partitionGiven({ message }: { readonly message: unknown }): number {
  return (message as OutgoingMessage).partition
}

async function discard(client: Promise<Admin | Producer> | undefined): Promise<void> {
  await client?.then((opened) => opened.disconnect()).catch(() => undefined)
}
