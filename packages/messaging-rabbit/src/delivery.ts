import { type Source, SourceDelivery } from '@comm/messaging/adapter'
import type { ConsumeMessage } from 'amqplib'
import { contentOf, idOf, redeliveriesOf, timestampOf } from './message.ts'

export interface ConsumedQueue {
  readonly name: string
  /** Deliveries handed over or waiting for it. */
  unsettled: number
}

export class RabbitDelivery extends SourceDelivery {
  readonly queue: ConsumedQueue
  readonly message: ConsumeMessage
  readonly #requeues: number

  /** @param requeues how often this consumer handed it over again by itself */
  constructor(source: Source, queue: ConsumedQueue, message: ConsumeMessage, requeues = 0) {
    const before = redeliveriesOf(message)
    super(source, idOf(message), contentOf(message), timestampOf(message), before === undefined ? undefined : before + requeues)
    this.queue = queue
    this.message = message
    this.#requeues = requeues
  }

  override again(): RabbitDelivery {
    return new RabbitDelivery(this.source, this.queue, this.message, this.#requeues + 1)
  }
}
