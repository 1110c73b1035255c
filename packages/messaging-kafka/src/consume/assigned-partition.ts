import { type Clock, type CommunicationError, pause } from '@comm/core'
import { type IncomingBatch, OffsetTracker, type Position, type TopicPartition } from '@comm/kafka-driver'
import type { SubscribeRequest } from '@comm/messaging'
import { DueQueue, type Settlement } from '@comm/messaging/adapter'
import { dueAt } from '../message.ts'
import type { Part } from '../topics.ts'
import { KafkaDelivery, Place } from './delivery.ts'

/** Records that may be read beyond the first that is not settled: each is remembered until it can be committed. */
const MOST_AHEAD = 100_000
/** What waits for its time may take more room than what waits for handlers, so that a long wait does not hold up short ones. */
const ROOM_FOR_DELAYED = 8
const MOMENT_MS = 50

/** What a partition needs of the member that it is assigned to. */
export interface PartitionOwner {
  readonly topic: string
  readonly lanes: SubscribeRequest['lanes']
  readonly clock: Clock
  /** Records, and their bytes, that may wait for handlers. */
  readonly most: { readonly records: number; readonly bytes: number }
  offer(delivery: KafkaDelivery): void
  settled(delivery: KafkaDelivery, again: KafkaDelivery | undefined): void
  /** Decides where it is read next. */
  seek(position: Position): void
  /** Its log begins anew: nothing that was read of it is there any more. This batch is the first of the new one. */
  begunAnew(partition: AssignedPartition, batch: IncomingBatch): Promise<unknown> | undefined
  /** Whether it is to be fetched from. */
  fetch(source: TopicPartition, isWanted: boolean): void
}

/** A partition while it is ours: what was read of it, and how far it is settled. */
export class AssignedPartition {
  readonly source: TopicPartition
  readonly part: Part
  readonly owner: PartitionOwner
  readonly name: string
  readonly #lost = new AbortController()
  readonly #delayed: DueQueue<KafkaDelivery> | undefined
  /** Undefined until it is known where to read. */
  #tracker: OffsetTracker<Place> | undefined
  #waiting = 0
  #out = 0
  #waitingBytes = 0
  #isPaused = false
  /** Aborts when there is room again. */
  #room: AbortController | undefined
  #isDirty = false
  /** Where a batch began that does not fit to what was read before. */
  #doubted = -1
  /** A batch fitted: none comes any more that was fetched before. */
  #isReading = false

  constructor(source: TopicPartition, part: Part, owner: PartitionOwner) {
    this.source = source
    this.part = part
    this.owner = owner
    this.name = nameOf(source)
    this.#delayed = part.tier && new DueQueue(owner.clock, (delivery) => owner.offer(delivery))
  }

  get lost(): AbortSignal {
    return this.#lost.signal
  }

  get isReady(): boolean {
    return this.#tracker !== undefined
  }

  /** Where to read on. */
  get next(): Position {
    return { ...this.source, offset: this.#tracker?.next ?? 0 }
  }

  /** Records that could be settled and are not, of those before this offset. */
  lag(high: number): number {
    const isWaiting = this.#tracker === undefined || this.#delayed?.isEmpty === false
    return isWaiting ? 0 : Math.max(0, high - (this.#tracker?.position ?? 0))
  }

  /** Whether records of it are being handled. */
  get isBusy(): boolean {
    return this.#out > 0
  }

  /** Whether what can be committed has changed since it was last taken. */
  get isDirty(): boolean {
    return this.#isDirty && this.#tracker !== undefined
  }

  /** What can be committed. */
  take(): Position {
    this.#isDirty = false
    return { ...this.source, offset: this.#tracker?.position ?? 0, note: this.#tracker?.note ?? '' }
  }

  /** What was taken could not be committed. */
  takeBack(): void {
    this.#isDirty = true
  }

  /** @param isCommitted nothing need be committed yet */
  begin({ offset, note }: Position, isCommitted: boolean): void {
    this.#tracker = new OffsetTracker(offset, note)
    this.#isDirty = !isCommitted
  }

  /** @returns when there may be more, if that is not now */
  receive(batch: IncomingBatch): Promise<unknown> | undefined {
    const tracker = this.#tracker
    // What comes before it is known where to begin is read again.
    if (tracker === undefined) return undefined
    const { owner } = this
    const { messages, from, next, high } = batch
    // A log that ends before what was read of it was deleted, and another one has its name.
    const isOfAnother = high < tracker.next
    if ((isOfAnother && !this.#isReading) || from > tracker.next) {
      // Fetched before the last seek, or it is so, or what lies between is not there. Then it comes again.
      const isAgain = from === this.#doubted
      this.#doubted = from
      if (!isAgain) return void owner.seek(this.next)
    }
    if (isOfAnother) return owner.begunAnew(this, batch)
    this.#isReading = true
    const wall = owner.clock.wall()
    for (const message of messages) {
      const { offset } = message
      const place = new Place(offset)
      if (offset < tracker.next || tracker.add(place)) continue
      const delivery = new KafkaDelivery(this, message, place)
      this.#waiting++
      this.#waitingBytes += delivery.bytes
      const due = dueAt(message, this.part)
      if (due <= wall) owner.offer(delivery)
      else this.#delayed?.add(due, delivery)
    }
    tracker.skipTo(next)
    return this.#isFull(1) ? this.#waitForRoom() : undefined
  }

  /** It leaves the waiting ones. */
  handedOver(delivery: KafkaDelivery): void {
    delivery.place.out = delivery
    this.#out++
    // One that is handed over again has left before.
    if (delivery.isAgain) return
    this.#waiting--
    this.#waitingBytes -= delivery.bytes
    this.#lookForRoom()
  }

  /** @returns false when it is too late */
  settle(delivery: KafkaDelivery, how: Settlement): boolean {
    if (this.#lost.signal.aborted) return false
    delivery.place.out = undefined
    this.#out--
    if (how === 'ack') {
      this.#tracker?.done(delivery.place)
      this.#isDirty = true
      this.#lookForRoom()
    }
    this.owner.settled(delivery, how === 'ack' ? undefined : delivery.again())
    return true
  }

  /** It is not ours any more. @returns what was handed over and not settled */
  lose(reason: CommunicationError): readonly KafkaDelivery[] {
    this.#delayed?.clear()
    this.#room?.abort()
    this.#room = undefined
    const open = this.#tracker?.open() ?? []
    this.#lost.abort(reason)
    // The client library remembers the pause, also for whoever reads this partition next.
    if (this.#isPaused) this.owner.fetch(this.source, true)
    return open.flatMap(({ out }) => out ?? [])
  }

  /** A partition that is held back is read again late: fast handlers are rather waited for, a moment. */
  async #waitForRoom(): Promise<void> {
    const room = new AbortController()
    this.#room = room
    const isStillFull = await pause(this.owner.clock, MOMENT_MS, room.signal)
    if (!isStillFull || this.#room !== room) return
    this.#isPaused = true
    this.owner.fetch(this.source, false)
  }

  #lookForRoom(): void {
    if (this.#room === undefined || this.#isFull(0.5)) return
    this.#room.abort()
    this.#room = undefined
    if (this.#isPaused) this.owner.fetch(this.source, true)
    this.#isPaused = false
  }

  #isFull(share: number): boolean {
    const most = share * (this.#delayed === undefined ? 1 : ROOM_FOR_DELAYED)
    const { records, bytes } = this.owner.most
    const ahead = (this.#tracker?.next ?? 0) - (this.#tracker?.position ?? 0)
    return this.#waiting >= records * most || this.#waitingBytes >= bytes * most || ahead >= MOST_AHEAD * share
  }
}

export function nameOf({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`
}
