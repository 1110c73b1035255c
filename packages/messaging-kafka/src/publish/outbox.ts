import type { CommunicationError } from '@comm/core'
import { type KafkaLink, kafkaErrors, partitionOfKey } from '@comm/kafka-driver'
import type { OutboundRecord, PublishResult } from '@comm/messaging'
import { maybeStored, PublishAnswers, refused } from '@comm/messaging/adapter'
import { messageOf, sizeOf } from '../message.ts'
import type { ResolvedOptions } from '../options.ts'
import { checkNames, ensureTopics, type Part, partFor } from '../topics.ts'
import { PartitionQueue, PublishLane } from './publish-lane.ts'

/** How long it is believed how many partitions a topic has. */
const FRESH_MS = 300_000
/** Kafka's -1, all. */
const ALL = -1

interface PublishItem {
  readonly record: OutboundRecord
  readonly signal: AbortSignal
  readonly answers: PublishAnswers
  readonly index: number
  /** Of the call: records without key of one call go to one partition. */
  readonly call: number
}

/** One topic of Kafka that is published to. */
interface Target {
  readonly part: Part
  /** By partition; none until it is known what partitions there are. */
  queues: readonly PartitionQueue[]
  waiting: PublishItem[]
  /** By the wall clock. */
  staleAt: number
}

/** Sends each record once, over one link. */
export class Outbox {
  readonly #link: KafkaLink
  readonly #options: ResolvedOptions
  /** By name; those that were looked up last come last. */
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
    for (const [index, record] of records.entries()) {
      if (record.body.byteLength > maxBodyBytes)
        answers.answer(index, refused(kafkaErrors.tooLarge(record, maxBodyBytes, 'the option maxBodyBytes')))
      else this.#send({ record, signal, answers, index, call }, wall)
    }
    return answers.done
  }

  /** The link is of no use any more. */
  end(reason: CommunicationError): void {
    for (const target of this.#targets.values()) this.#refuse(target, reason)
  }

  #send(item: PublishItem, wall: number): void {
    const { topic, group, notBefore = 0 } = item.record
    const isPlain = group === undefined && notBefore <= wall
    const part = isPlain ? undefined : partFor(topic, group, notBefore - wall)
    const target = this.#targets.get(part?.name ?? topic) ?? this.#open(part ?? partFor(topic, undefined, 0))
    if (target.queues.length === 0) target.waiting.push(item)
    else this.#enqueue(target, item)
    if (wall > target.staleAt) this.#lookUp(target, wall)
  }

  #lookUp(target: Target, wall: number): void {
    target.staleAt = wall + FRESH_MS
    this.#targets.delete(target.part.name)
    this.#targets.set(target.part.name, target)
    // Those that nothing was sent to since would have been looked up again.
    for (const [name, { staleAt }] of this.#targets) {
      if (staleAt + FRESH_MS >= wall) break
      this.#targets.delete(name)
    }
    this.#leaders(target).then(
      (leaders) => this.#opened(target, leaders),
      (error: CommunicationError) => {
        // What is known stays in use until it is seen to be wrong.
        if (target.queues.length === 0 || error.code === 'COMM_UNROUTABLE') this.#refuse(target, error)
      },
    )
  }

  #open(part: Part): Target {
    const target = { part, queues: [], waiting: [], staleAt: 0 }
    this.#targets.set(part.name, target)
    return target
  }

  #opened(target: Target, leaders: readonly number[]): void {
    const { name, isOwn } = target.part
    const acks = isOwn ? ALL : this.#options.acks
    // The topic may be gone, or have other partitions.
    const lookAgain = (): void => {
      target.staleAt = this.#options.clock.wall() - 1
    }
    target.queues = leaders.map(
      (leader, partition) => target.queues[partition] ?? new PartitionQueue(name, acks, this.#lane(leader), lookAgain),
    )
    for (const item of target.waiting.splice(0)) this.#enqueue(target, item)
  }

  #enqueue({ part, queues }: Target, { record, signal, answers, index, call }: PublishItem): void {
    const key = record.key === undefined ? null : Buffer.from(record.key)
    const partition = key === null ? call % queues.length : partitionOfKey(key, queues.length)
    const message = messageOf(record, key, partition, part.tier !== undefined)
    queues[partition]?.push({ message, bytes: sizeOf(message), signal, answers, index })
  }

  #refuse(target: Target, error: CommunicationError): void {
    this.#targets.delete(target.part.name)
    for (const queue of target.queues) queue.refuse(error)
    for (const { answers, index } of target.waiting.splice(0)) answers.answer(index, refused(error))
  }

  /** @throws CommunicationError COMM_UNROUTABLE when there is no such topic, and it may not be made */
  async #leaders({ part, waiting }: Target): Promise<readonly number[]> {
    checkNames([part])
    const topic = waiting[0]?.record.topic ?? part.name
    const found = await this.#link.leaders(part.name)
    if (found !== undefined) return found
    const isIgnored = waiting.some(({ record }) => record.unroutable === 'ignore')
    const isThere = part.name !== topic && (await this.#link.leaders(topic)) !== undefined
    if (part.isOwn || isIgnored || isThere) await ensureTopics(this.#link, [part], this.#options)
    const made = await this.#link.leaders(part.name)
    if (made === undefined) throw kafkaErrors.unroutable(topic, 'Kafka has no such topic')
    return made
  }

  #lane(leader: number): PublishLane {
    const { clock, isIdempotent, producerConfig } = this.#options
    const lane = this.#lanes.get(leader) ?? new PublishLane({ link: this.#link, clock, isIdempotent, ...producerConfig })
    this.#lanes.set(leader, lane)
    return lane
  }
}

function abortedResult(signal: AbortSignal): PublishResult {
  return maybeStored(kafkaErrors.aborted('publishing to', signal))
}
