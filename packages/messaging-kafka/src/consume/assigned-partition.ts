import type { Clock, CommunicationError } from '@comm/core'
import type { SubscribeRequest } from '@comm/messaging'
import { DueQueue } from '@comm/messaging/adapter'
import type { IncomingMessage, Position, TopicPartition } from '../driver/driver.ts'
import { notBeforeOf } from '../message.ts'
import type { Part } from '../topic-names.ts'
import { KafkaDelivery, Place } from './delivery.ts'
import { OffsetTracker } from './offset-tracker.ts'

/** Records that may be read beyond the first that is not settled: each is remembered until it can be committed. */
const MOST_AHEAD = 100_000
/** What waits for its time may take more room than what waits for handlers, so that a long wait does not hold up short ones. */
const ROOM_FOR_DELAYED = 8

/** What a partition needs of the member that it is assigned to. */
export interface PartitionOwner {
  readonly topic: string
  readonly lanes: SubscribeRequest['lanes']
  readonly clock: Clock
  readonly maxWaiting: number
  readonly maxWaitingBytes: number
  offer(delivery: KafkaDelivery): void
  settled(delivery: KafkaDelivery, again: KafkaDelivery | undefined): void
  pause(source: TopicPartition): void
  resume(source: TopicPartition): void
}

/** A partition while it is ours: what was read of it, and how far it is settled. */
export class AssignedPartition {
  readonly source: TopicPartition
  readonly part: Part
  readonly topic: string
  readonly lanes: SubscribeRequest['lanes']
  /** A lane of its own. */
  readonly name: string
  /** Undefined until it is known where to read it. */
  #tracker: OffsetTracker<Place> | undefined
  readonly #owner: PartitionOwner
  readonly #lost = new AbortController()
  readonly #delayed: DueQueue<KafkaDelivery> | undefined
  readonly #room: number
  #waiting = 0
  #waitingBytes = 0
  #isPaused = false
  #isDirty = false

  constructor(source: TopicPartition, part: Part, owner: PartitionOwner) {
    this.source = source
    this.part = part
    this.topic = owner.topic
    this.lanes = owner.lanes
    this.name = `${source.topic}-${source.partition}`
    this.#owner = owner
    this.#delayed = part.tier && new DueQueue(owner.clock, (delivery) => owner.offer(delivery))
    this.#room = part.tier === undefined ? 1 : ROOM_FOR_DELAYED
  }

  get lost(): AbortSignal {
    return this.#lost.signal
  }

  get isReady(): boolean {
    return this.#tracker !== undefined
  }

  /** Where to read on. */
  get next(): number {
    return this.#tracker?.next ?? 0
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

  receive(messages: readonly IncomingMessage[], next: number): void {
    const tracker = this.#tracker
    // What comes before it is known where to begin is read again.
    if (tracker === undefined) return
    const now = this.#delayed && this.#owner.clock.wall()
    for (const message of messages) {
      const offset = Number(message.offset)
      if (offset < tracker.next) continue
      const place = new Place(offset)
      const delivery = new KafkaDelivery(this, message, place)
      if (tracker.add(place)) continue
      this.#waiting++
      this.#waitingBytes += delivery.bytes
      const dueAt = now === undefined ? 0 : this.#dueAt(message)
      if (now === undefined || dueAt <= now) this.#owner.offer(delivery)
      else this.#delayed?.add(dueAt, delivery)
    }
    tracker.skipTo(next)
    if (!this.#isPaused && this.#isFull(1)) {
      this.#isPaused = true
      this.#owner.pause(this.source)
    }
  }

  /** It leaves the waiting ones. */
  handedOver(delivery: KafkaDelivery): void {
    delivery.place.out = delivery
    // One that is handed over again has left before.
    if (delivery.isAgain) return
    this.#waiting--
    this.#waitingBytes -= delivery.bytes
    this.#resumeWhenRoom()
  }

  /** @returns false when it is too late */
  settle(delivery: KafkaDelivery, how: 'ack' | 'requeue'): boolean {
    if (this.#lost.signal.aborted) return false
    delivery.place.out = undefined
    if (how === 'requeue') {
      this.#owner.settled(delivery, delivery.again())
      return true
    }
    this.#tracker?.done(delivery.place)
    this.#isDirty = true
    this.#owner.settled(delivery, undefined)
    if (this.#isPaused) this.#resumeWhenRoom()
    return true
  }

  /** It is not ours any more. @returns what was handed over and not settled */
  lose(reason: CommunicationError): readonly KafkaDelivery[] {
    this.#delayed?.clear()
    const open = this.#tracker?.open() ?? []
    this.#lost.abort(reason)
    return open.flatMap(({ out }) => out ?? [])
  }

  /** A record that comes back early is delayed again: none waits longer than its topic keeps it. */
  #dueAt(message: IncomingMessage): number {
    const { tier } = this.part
    return Math.min(notBeforeOf(message), Number(message.timestamp) + (tier?.maxMs ?? 0))
  }

  #isFull(share: number): boolean {
    const { maxWaiting, maxWaitingBytes } = this.#owner
    const most = share * this.#room
    const ahead = (this.#tracker?.next ?? 0) - (this.#tracker?.position ?? 0)
    return this.#waiting >= maxWaiting * most || this.#waitingBytes >= maxWaitingBytes * most || ahead >= MOST_AHEAD * share
  }

  #resumeWhenRoom(): void {
    if (!this.#isPaused || this.#isFull(0.5)) return
    this.#isPaused = false
    this.#owner.resume(this.source)
  }
}
