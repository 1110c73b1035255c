import { type Clock, type CommunicationError, PublishError, pause } from '@comm/core'
import type { KafkaLink, OutgoingMessage } from '@comm/kafka-driver'
import type { PublishResult } from '@comm/messaging'
import { maybeStored, type PublishAnswers, refused, STORED } from '@comm/messaging/adapter'

/** kafkajs copies the records of a partition for each that it adds. */
const MOST_RECORDS = 500
const HELD: PublishResult = refused(new PublishError('not sent: an earlier record of its partition was not confirmed'))

/** A record that waits for its request. */
export interface Outgoing {
  readonly message: OutgoingMessage
  readonly bytes: number
  readonly signal: AbortSignal
  readonly answers: PublishAnswers
  /** Its place among the answers. */
  readonly index: number
}

/** What goes to one partition in one request. */
interface Parcel {
  readonly queue: PartitionQueue
  readonly items: readonly Outgoing[]
}

/** What waits for one partition, in order. */
export class PartitionQueue {
  readonly topic: string
  readonly acks: number
  readonly #lane: PublishLane
  readonly #onFailure: () => void
  #items: Outgoing[] = []

  constructor(topic: string, acks: number, lane: PublishLane, onFailure: () => void) {
    this.topic = topic
    this.acks = acks
    this.#lane = lane
    this.#onFailure = onFailure
  }

  get isEmpty(): boolean {
    return this.#items.length === 0
  }

  push(item: Outgoing): void {
    if (this.#items.push(item) === 1) this.#lane.offer(this)
  }

  /** The next ones, but no more bytes than a batch may have; what was aborted has its answer. */
  take(mostBytes: number): Parcel {
    let bytes = 0
    let count = 0
    for (const item of this.#items) {
      bytes += item.bytes
      if (count === MOST_RECORDS || (bytes > mostBytes && count > 0)) break
      count++
    }
    const items = this.#items.splice(0, count)
    return {
      queue: this,
      items: items.some(({ signal }) => signal.aborted) ? items.filter(({ signal }) => !signal.aborted) : items,
    }
  }

  /** Nothing of what waits will be sent. */
  refuse(error: CommunicationError): void {
    this.#onFailure()
    answer(this.#items.splice(0), refused(error))
  }
}

export interface LaneParts {
  readonly link: KafkaLink
  readonly clock: Clock
  readonly batchSizeBytes: number
  readonly lingerMs: number
  /** Several partitions in a request: only where what is sent again cannot be stored twice. */
  readonly isIdempotent: boolean
}

/** The partitions of one leader: one request at a time, with all that has come together meanwhile. */
export class PublishLane {
  readonly #parts: LaneParts
  /** Queues that have something. */
  readonly #ready = new Set<PartitionQueue>()
  #isRunning = false

  constructor(parts: LaneParts) {
    this.#parts = parts
  }

  offer(queue: PartitionQueue): void {
    this.#ready.add(queue)
    if (this.#isRunning) return
    this.#isRunning = true
    // What is published in the same turn goes in the same request.
    setImmediate(() => void this.#run())
  }

  async #run(): Promise<void> {
    const { clock, lingerMs } = this.#parts
    while (this.#ready.size > 0) {
      if (lingerMs > 0) await pause(clock, lingerMs)
      const parcels = this.#take()
      if (parcels.length > 0) await this.#send(parcels)
    }
    this.#isRunning = false
  }

  #take(): readonly Parcel[] {
    const { batchSizeBytes, isIdempotent } = this.#parts
    const parcels: Parcel[] = []
    for (const queue of [...this.#ready]) {
      const parcel = queue.take(batchSizeBytes)
      this.#ready.delete(queue)
      if (!queue.isEmpty) this.#ready.add(queue)
      if (parcel.items.length > 0) parcels.push(parcel)
      if (parcels.length === 1 && !isIdempotent) break
    }
    return parcels
  }

  /** @returns false when later records of the same partitions must not be stored before these are sent again */
  async #send(parcels: readonly Parcel[]): Promise<boolean> {
    const failure = await this.#parts.link.produce(batchesOf(parcels), (parcels[0] as Parcel).queue.acks)
    const pieces = failure?.isOfRecord ? piecesOf(parcels) : []
    if (pieces.length > 1) return this.#sendEach(pieces)
    const result = failure === undefined ? STORED : failure.stored === 'no' ? refused(failure.error) : maybeStored(failure.error)
    for (const { items } of parcels) answer(items, result)
    if (!failure?.error.retryable) return true
    for (const { queue } of parcels) queue.refuse(failure.error)
    return false
  }

  /** A batch is stored whole or not at all: those without the record that is at fault are taken, alone. */
  async #sendEach(pieces: readonly Parcel[]): Promise<boolean> {
    const held = new Set<PartitionQueue>()
    for (const piece of pieces) {
      if (held.has(piece.queue)) answer(piece.items, HELD)
      else if (!(await this.#send([piece]))) held.add(piece.queue)
    }
    return held.size === 0
  }
}

function piecesOf(parcels: readonly Parcel[]): readonly Parcel[] {
  if (parcels.length > 1) return parcels
  return parcels.flatMap(({ queue, items }) => items.map((item) => ({ queue, items: [item] })))
}

function batchesOf(parcels: readonly Parcel[]): { topic: string; messages: OutgoingMessage[] }[] {
  const batches = new Map<string, OutgoingMessage[]>()
  for (const { queue, items } of parcels) {
    const messages = batches.get(queue.topic) ?? []
    for (const { message } of items) messages.push(message)
    batches.set(queue.topic, messages)
  }
  return [...batches].map(([topic, messages]) => ({ topic, messages }))
}

function answer(items: readonly Outgoing[], result: PublishResult): void {
  for (const { answers, index } of items) answers.answer(index, result)
}
