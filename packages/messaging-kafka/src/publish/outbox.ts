import { type CommunicationError, ConfigurationError } from '@comm/core'
import type { OutboundRecord, PublishResult } from '@comm/messaging'
import { maybeStored, PublishAnswers, refused } from '@comm/messaging/adapter'
import type { KafkaLink } from '../driver/driver.ts'
import { ERRORS } from '../errors.ts'
import { messageOf, sizeOf } from '../message.ts'
import type { ResolvedOptions } from '../options.ts'
import { type Part, partFor } from '../topic-names.ts'
import { checkTopicNames, newTopic } from '../topics.ts'
import { partitionOfKey } from './partitioner.ts'
import { PartitionQueue, PublishLane } from './publish-lane.ts'

/** How long it is believed how many partitions a topic has. */
const FRESH_MS = 300_000
/** Kafka's -1, all. */
const ALL = -1

/** One topic of Kafka that is published to. */
class Target {
  readonly part: Part
  /** By partition; none until it is known what partitions there are. */
  queues: readonly PartitionQueue[] = []
  waiting: PublishItem[] = []
  /** By the wall clock. */
  staleAt = 0

  constructor(part: Part) {
    this.part = part
  }
}

interface PublishItem {
  readonly record: OutboundRecord
  readonly signal: AbortSignal
  readonly answers: PublishAnswers
  readonly index: number
  /** Of the call: records without key of one call go to one partition. */
  readonly call: number
}

/** Sends each record once, over one link. */
export class Outbox {
  readonly #link: KafkaLink
  readonly #options: ResolvedOptions
  readonly #targets = new Map<string, Target>()
  /** By the node of the leader; a partition stays with the lane that it began with. */
  readonly #lanes = new Map<number, PublishLane>()
  #calls = 0

  constructor(link: KafkaLink, options: ResolvedOptions) {
    this.#link = link
    this.#options = options
  }

  publish(records: readonly OutboundRecord[], signal: AbortSignal): Promise<readonly PublishResult[]> {
    const answers = new PublishAnswers(records.length, signal, abortedResult)
    const { clock, maxBodyBytes } = this.#options
    const wall = clock.wall()
    const call = this.#calls++
    for (let index = 0; index < records.length; index++) {
      const record = records[index] as OutboundRecord
      if (record.body.byteLength > maxBodyBytes)
        answers.answer(index, refused(ERRORS.tooLarge(record, maxBodyBytes, 'the option maxBodyBytes')))
      else this.#send({ record, signal, answers, index, call }, wall)
    }
    return answers.done
  }

  /** The link is of no use any more. */
  end(reason: CommunicationError): void {
    for (const { queues, waiting } of this.#targets.values()) {
      for (const queue of queues) queue.refuse(reason)
      refuseAll(waiting, reason)
    }
    this.#targets.clear()
  }

  #send(item: PublishItem, wall: number): void {
    const { topic, group, notBefore = 0 } = item.record
    const isPlain = group === undefined && notBefore <= wall
    const part = isPlain ? undefined : partFor(topic, group, notBefore - wall)
    const target = this.#targets.get(part?.name ?? topic) ?? this.#open(part ?? partFor(topic, undefined, 0))
    if (target.queues.length === 0) target.waiting.push(item)
    else this.#enqueue(target, item)
    if (wall > target.staleAt) this.#load(target, wall)
  }

  #open(part: Part): Target {
    const target = new Target(part)
    this.#targets.set(part.name, target)
    return target
  }

  #enqueue({ part, queues }: Target, { record, signal, answers, index, call }: PublishItem): void {
    const key = record.key === undefined ? null : Buffer.from(record.key)
    const partition = key === null ? call % queues.length : partitionOfKey(key, queues.length)
    const message = messageOf(record, key, partition, part.tier !== undefined)
    queues[partition]?.push({ message, bytes: sizeOf(message), signal, answers, index })
  }

  #load(target: Target, wall: number): void {
    target.staleAt = wall + FRESH_MS
    this.#leaders(target).then(
      (leaders) => this.#opened(target, leaders),
      (error: CommunicationError) => this.#failed(target, error),
    )
  }

  #opened(target: Target, leaders: readonly number[]): void {
    const { name, isOwn } = target.part
    const acks = isOwn ? ALL : this.#options.acks
    // The topic may be gone, or have other partitions.
    const lookAgain = (): void => {
      target.staleAt = 0
    }
    target.queues = leaders.map(
      (leader, partition) => target.queues[partition] ?? new PartitionQueue(name, acks, this.#lane(leader), lookAgain),
    )
    const { waiting } = target
    target.waiting = []
    for (const item of waiting) this.#enqueue(target, item)
  }

  #failed(target: Target, error: CommunicationError): void {
    // What is known stays in use until it is seen to be wrong.
    if (target.queues.length > 0 && error.code !== 'COMM_UNROUTABLE') return
    this.#targets.delete(target.part.name)
    for (const queue of target.queues) queue.refuse(error)
    refuseAll(target.waiting, error)
  }

  /** @throws CommunicationError COMM_UNROUTABLE when there is no such topic, and it may not be made */
  async #leaders({ part, waiting }: Target): Promise<readonly number[]> {
    const { name, isOwn, isAside } = part
    const topic = waiting[0]?.record.topic ?? name
    try {
      checkTopicNames([part])
    } catch (wrong) {
      throw new ConfigurationError(`cannot publish to topic ${topic}: ${(wrong as Error).message}`, { cause: wrong })
    }
    const found = await this.#link.leaders(name)
    if (found !== undefined) return found
    const mayCreate =
      isOwn ||
      waiting.some(({ record }) => record.unroutable === 'ignore') ||
      (isAside && (await this.#link.leaders(topic)) !== undefined)
    if (mayCreate) await this.#link.createTopics([newTopic(part, this.#options.topicConfig)])
    const made = mayCreate ? await this.#link.leaders(name) : undefined
    if (made === undefined) throw ERRORS.unroutable(topic, 'Kafka has no such topic')
    return made
  }

  #lane(leader: number): PublishLane {
    const existing = this.#lanes.get(leader)
    if (existing !== undefined) return existing
    const { clock, isIdempotent, producerConfig } = this.#options
    const lane = new PublishLane({ link: this.#link, clock, isIdempotent, ...producerConfig })
    this.#lanes.set(leader, lane)
    return lane
  }
}

function abortedResult(signal: AbortSignal): PublishResult {
  return maybeStored(ERRORS.aborted('publishing to', signal))
}

function refuseAll(items: readonly PublishItem[], error: CommunicationError): void {
  for (const { answers, index } of items) answers.answer(index, refused(error))
}
