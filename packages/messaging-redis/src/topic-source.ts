import { type Content, type Room, type SettleAnswer, type Settlement, type Source, SourceDelivery } from '@comm/messaging/adapter'
import type { RedisConsumer } from './consumer.ts'

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

  /** @param id the broker's name for it @param time as of a `SourceDelivery` */
  deliveryOf(id: string, content: Content, time: number | string | undefined, redeliveries: number | undefined): SourceDelivery {
    return new SourceDelivery(this, id, content, time, redeliveries)
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
