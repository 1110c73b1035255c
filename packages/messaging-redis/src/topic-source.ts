import type { SettleAnswer, Settlement, Source, SourceDelivery } from '@comm/messaging/adapter'
import type { RedisConsumer } from './consumer.ts'

/** Counts what waits to be handed over. */
export interface Room {
  add(bytes: number): void
  taken(): void
}

/** A topic as one consumer gets it: nobody else is concerned by what it settles, Redis neither. */
export class TopicSource implements Source {
  readonly topic: string
  readonly lanes: Source['lanes']
  readonly lost: AbortSignal
  protected readonly consumer: RedisConsumer
  readonly #room: Room

  constructor(consumer: RedisConsumer, topic: string, room: Room) {
    this.topic = topic
    this.lanes = consumer.request.lanes
    this.lost = consumer.lost
    this.consumer = consumer
    this.#room = room
  }

  handed(_delivery: SourceDelivery): void {
    this.#room.taken()
  }

  settle(delivery: SourceDelivery, how: Settlement): SettleAnswer | Promise<SettleAnswer> {
    if (how === 'requeue' && !this.consumer.isStopping) {
      this.#room.add(delivery.body.byteLength)
      this.consumer.requeued(delivery)
    } else this.consumer.settled(delivery)
    return 'settled'
  }
}
